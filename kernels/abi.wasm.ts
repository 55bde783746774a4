/**
 * How a launcher's arguments reach a WASM kernel. Every kernel is
 * `export function <name>(args: usize, task: i32, scratch: usize): void`:
 * `args` is a block of 32-bit words (the spans' addresses, then the ints, then the floats),
 * `task` is the task to run, `scratch` is memory of SCRATCH_BYTES that belongs to the thread.
 */

/** Bytes of scratch memory each thread has. Mirrored in lib/device/wasm/layout.ts. */
export const SCRATCH_BYTES: usize = 1 << 20;

/** The address in word `i`; 0 where the launcher passed null. */
// @ts-ignore: decorator
@inline

export function span(args: usize, i: usize): usize {
  return load<u32>(args + (i << 2));
}

// @ts-ignore: decorator
@inline

export function int(args: usize, i: usize): i32 {
  return load<i32>(args + (i << 2));
}

// @ts-ignore: decorator
@inline

export function float(args: usize, i: usize): f32 {
  return load<f32>(args + (i << 2));
}
