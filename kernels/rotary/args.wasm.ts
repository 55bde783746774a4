// Generated from signatures.ts by deno task build:kernels: change that.

export const HEAD_THREADS: i32 = 32;

export const GROUP_HEADS: i32 = 4;

/** Arguments of rotary. */
@unmanaged
export class RotaryArgs {
  y_0: usize;
  y_1: usize;
  rstd_0: usize;
  rstd_1: usize;
  x_0: usize;
  x_1: usize;
  weight_0: usize;
  weight_1: usize;
  table: usize;
  positions: usize;
  places: usize;
  rows: i32;
  headSize: i32;
  heads_0: i32;
  heads_1: i32;
  placed_0: i32;
  placed_1: i32;
  perTask: i32;
  eps: f32;
  weightOffset: f32;
}

/** Arguments of rotary_backward. */
@unmanaged
export class RotaryBackwardArgs {
  dx: usize;
  dy: usize;
  table: usize;
  positions: usize;
  rows: i32;
  heads: i32;
  headSize: i32;
  accumulate: i32;
  perTask: i32;
}
