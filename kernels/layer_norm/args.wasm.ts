// Generated from signatures.ts by deno task build:kernels: change that.

export const COLUMNS: i32 = 16;

/** Arguments of layer_norm. */
@unmanaged
export class LayerNormArgs {
  y: usize;
  stats: usize;
  x: usize;
  weight: usize;
  bias: usize;
  rows: i32;
  width: i32;
  perTask: i32;
  eps: f32;
}

/** Arguments of layer_norm_backward. */
@unmanaged
export class LayerNormBackwardArgs {
  dx: usize;
  dy: usize;
  x: usize;
  weight: usize;
  stats: usize;
  rows: i32;
  width: i32;
  accumulate: i32;
  perTask: i32;
}

/** Arguments of layer_norm_weight_gradient. */
@unmanaged
export class LayerNormWeightGradientArgs {
  dWeight: usize;
  dBias: usize;
  dy: usize;
  x: usize;
  stats: usize;
  rows: i32;
  width: i32;
  perTask: i32;
}
