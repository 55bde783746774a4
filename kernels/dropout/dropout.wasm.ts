import { float, int, span } from "../abi.wasm";
import { philox4x32, uniform4 } from "../philox.wasm";
import { loadPart, storePart } from "../simd.wasm";

/** Elements per task, a multiple of 4; mirrored in dropout.ts. */
const BLOCK: i32 = 4096;

/** Last counter word of the random numbers used here. */
const PURPOSE: u32 = 1;

/** y[i] = x[i] · mask[i] / (1 - p) (+ y[i]) */
export function dropout(args: usize, task: i32, scratch: usize): void {
  const y = span(args, 0);
  const x = span(args, 1);
  const length = int(args, 2);
  const seed = int(args, 3);
  const stream = int(args, 4);
  const accumulate = int(args, 5);
  const p = f32x4.splat(float(args, 6));
  const factor = f32x4.splat(float(args, 7));
  const begin = task * BLOCK;
  const end = min(begin + BLOCK, length);
  for (let i = begin; i < end; i += 4) {
    const at = <usize>i << 2;
    const part = end - i;
    const words = philox4x32(<u32>i >> 2, 0, 0, PURPOSE, <u32>seed, <u32>stream);
    const kept = f32x4.ge(uniform4(words), p);
    const input = part < 4 ? loadPart(x + at, part) : v128.load(x + at);
    let value = v128.and(f32x4.mul(input, factor), kept);
    if (part < 4) {
      if (accumulate) value = f32x4.add(value, loadPart(y + at, part));
      storePart(y + at, value, part);
    } else {
      if (accumulate) value = f32x4.add(value, v128.load(y + at));
      v128.store(y + at, value);
    }
  }
}
