// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 256;

export const SUMS_AT: i32 = 1081344;

export const HISTOGRAM_AT: i32 = 1097728;

export const LOGITS_CHUNK: i32 = 4096;

/** Arguments of greedy. */
@unmanaged
export class GreedyArgs {
  tokens: usize;
  logprobs: usize;
  seen: usize;
  logits: usize;
  positions: usize;
  ends: usize;
  seenRows: usize;
  rows: i32;
  vocabulary: i32;
  minLength: i32;
  perTask: i32;
  repetitionPenalty: f32;
}

/** Arguments of sample. */
@unmanaged
export class SampleArgs {
  tokens: usize;
  probabilities: usize;
  logprobs: usize;
  seen: usize;
  logits: usize;
  positions: usize;
  ends: usize;
  seenRows: usize;
  rollouts: usize;
  rows: i32;
  vocabulary: i32;
  minLength: i32;
  topK: i32;
  seedLow: i32;
  seedHigh: i32;
  perTask: i32;
  repetitionPenalty: f32;
  temperature: f32;
  topP: f32;
  minP: f32;
}
