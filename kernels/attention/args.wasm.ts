// Generated from signatures.ts by deno task build:kernels: change that.

export const MAX_ROWS: i32 = 48;

export const SCRATCH_BYTES: i32 = 1114112;

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
  prefixK: usize;
  prefixV: usize;
  prefixStarts: usize;
  prefixLengths: usize;
  heads: i32;
  headSize: i32;
  qStride: i32;
  kStride: i32;
  vStride: i32;
  causal: i32;
  reach: i32;
  keyHeads: i32;
  prefixKStride: i32;
  prefixVStride: i32;
  window: i32;
  sequences: i32;
  items: i32;
  blockSequences: i32;
  blocks: i32;
  blockQueries: i32;
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
  dPrefixK: usize;
  dPrefixV: usize;
  dBias: usize;
  q: usize;
  k: usize;
  v: usize;
  queryStarts: usize;
  queryLengths: usize;
  keyStarts: usize;
  keyLengths: usize;
  bias: usize;
  prefixK: usize;
  prefixV: usize;
  prefixStarts: usize;
  prefixLengths: usize;
  order: usize;
  groupStarts: usize;
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
  keyHeads: i32;
  prefixKStride: i32;
  prefixVStride: i32;
  window: i32;
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
