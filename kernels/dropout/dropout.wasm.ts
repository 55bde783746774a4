import { BLOCK, DropoutArgs } from "./args.wasm";
import { philox4x32, uniform4 } from "../philox.wasm";
import { loadPart, storePart } from "../simd.wasm";

/** Last counter word of the random numbers used here. */
const PURPOSE: u32 = 1;

/** y[i] = x[i] · mask[i] / (1 - p) (+ y[i]) */
export function dropout(args: DropoutArgs, task: i32, scratch: usize): void {
  const y = args.y;
  const x = args.x;
  const length = args.length;
  const seed = args.seed;
  const stream = args.stream;
  const accumulate = args.accumulate;
  const p = f32x4.splat(args.p);
  const factor = f32x4.splat(args.factor);
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
