// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 256;

export const SUMS_AT: i32 = 1024000;

export const HISTOGRAM_AT: i32 = 1032192;

export const LOGITS_CHUNK: i32 = 4096;

/** Arguments of greedy. */
@unmanaged
export class GreedyArgs {
  tokens: usize;
  logprobs: usize;
  logits: usize;
  positions: usize;
  rows: i32;
  vocabulary: i32;
  eosTokenId: i32;
  minLength: i32;
  perTask: i32;
}

/** Arguments of sample. */
@unmanaged
export class SampleArgs {
  tokens: usize;
  probabilities: usize;
  logprobs: usize;
  logits: usize;
  positions: usize;
  rollouts: usize;
  rows: i32;
  vocabulary: i32;
  eosTokenId: i32;
  minLength: i32;
  topK: i32;
  seedLow: i32;
  seedHigh: i32;
  perTask: i32;
  temperature: f32;
  topP: f32;
}
