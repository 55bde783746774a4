// Generated from signatures.ts by deno task build:kernels: change that.

export const BLOCK: i32 = 4096;

/** Arguments of dropout. */
@unmanaged
export class DropoutArgs {
  y: usize;
  x: usize;
  length: i32;
  seed: i32;
  stream: i32;
  accumulate: i32;
  p: f32;
  factor: f32;
}
