// Generated from signatures.ts by deno task build:kernels: change that.

export const MAX_ROWS: i32 = 48;

export const TILE: i32 = 32;

export const COLUMNS: i32 = 64;

export const SCRATCH_BYTES: i32 = 1048576;

/** Arguments of attention. */
@unmanaged
export class AttentionArgs {
  o: usize;
  lse: usize;
  q: usize;
  k: usize;
  v: usize;
  queryStarts: usize;
  queryLengths: usize;
  keyStarts: usize;
  keyLengths: usize;
  bias: usize;
  heads: i32;
  headSize: i32;
  qStride: i32;
  kStride: i32;
  vStride: i32;
  causal: i32;
  reach: i32;
  items: i32;
  blocks: i32;
  perTask: i32;
  wide: i32;
  scale: f32;
}

/** Arguments of attention_backward. */
@unmanaged
export class AttentionBackwardArgs {
  dq: usize;
  dk: usize;
  dv: usize;
  dBias: usize;
  q: usize;
  k: usize;
  v: usize;
  queryStarts: usize;
  queryLengths: usize;
  keyStarts: usize;
  keyLengths: usize;
  bias: usize;
  o: usize;
  lse: usize;
  dOut: usize;
  heads: i32;
  headSize: i32;
  qStride: i32;
  kStride: i32;
  vStride: i32;
  causal: i32;
  reach: i32;
  items: i32;
  perTask: i32;
  accumulateQ: i32;
  accumulateK: i32;
  accumulateV: i32;
  wide: i32;
  scale: f32;
}

/** Arguments of attention_bias_reduce. */
@unmanaged
export class AttentionBiasReduceArgs {
  dBias: usize;
  partials: usize;
  sequences: i32;
  length: i32;
  accumulate: i32;
}
