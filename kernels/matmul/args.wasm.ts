// Generated from signatures.ts by deno task build:kernels: change that.

export const PANEL: i32 = 16;

export const MAX_ROWS: i32 = 192;

export const PANELS_F32: i32 = 0;

export const PANELS_BF16: i32 = 1;

export const STRIDED: i32 = 2;

export const TRANSPOSED_PANELS_F32: i32 = 3;

export const TRANSPOSED_PANELS_BF16: i32 = 4;

/** Arguments of matmul. */
@unmanaged
export class MatmulArgs {
  c: usize;
  a: usize;
  b: usize;
  a2: usize;
  b2: usize;
  bias: usize;
  residual: usize;
  m: i32;
  n: i32;
  k: i32;
  cRowStride: i32;
  aRowStride: i32;
  aColumnStride: i32;
  bLayout: i32;
  bKStride: i32;
  bNStride: i32;
  k2: i32;
  b2Layout: i32;
  b2KStride: i32;
  b2NStride: i32;
  accumulate: i32;
  rows: i32;
  columns: i32;
  wide: i32;
  alongRows: i32;
  alpha: f32;
  alpha2: f32;
}

/** Arguments of pack_panels. */
@unmanaged
export class PackPanelsArgs {
  panels: usize;
  w: usize;
  rows: i32;
  columns: i32;
  bf16: i32;
  firstPanel: i32;
}
