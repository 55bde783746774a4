// Generated from signatures.ts by deno task build:kernels: change that.

export const COLUMNS: i32 = 16;

/** Arguments of rms_norm. */
@unmanaged
export class RmsNormArgs {
  y: usize;
  rstd: usize;
  x: usize;
  weight: usize;
  residual: usize;
  rows: i32;
  width: i32;
  perTask: i32;
  eps: f32;
  weightOffset: f32;
}

/** Arguments of rms_norm_backward. */
@unmanaged
export class RmsNormBackwardArgs {
  dx: usize;
  dy: usize;
  x: usize;
  weight: usize;
  rstd: usize;
  rows: i32;
  width: i32;
  accumulate: i32;
  perTask: i32;
  weightOffset: f32;
}

/** Arguments of rms_norm_weight_gradient. */
@unmanaged
export class RmsNormWeightGradientArgs {
  dWeight: usize;
  dy: usize;
  x: usize;
  rstd: usize;
  rows: i32;
  width: i32;
  perTask: i32;
}
