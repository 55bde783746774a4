// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 16384;

/** Arguments of add. */
@unmanaged
export class AddArgs {
  out: usize;
  a: usize;
  b: usize;
  length: i32;
}

/** Arguments of fill. */
@unmanaged
export class FillArgs {
  x: usize;
  length: i32;
  value: f32;
}

/** Arguments of scale. */
@unmanaged
export class ScaleArgs {
  y: usize;
  x: usize;
  length: i32;
  accumulate: i32;
  factor: f32;
}
