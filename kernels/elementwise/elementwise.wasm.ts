import { AddArgs, BLOCK, FillArgs, ScaleArgs } from "./args.wasm";
import { loadPart, storePart } from "../simd.wasm";

/** x[i] = value */
export function fill(args: FillArgs, task: i32, scratch: usize): void {
  const x = args.x;
  const length = args.length;
  const value = args.value;
  const begin = task * BLOCK;
  const end = min(begin + BLOCK, length);
  for (let i = begin; i < end; i++) store<f32>(x + (<usize>i << 2), value);
}

/** out[i] = a[i] + b[i], or b[i] where there is no a */
export function add(args: AddArgs, task: i32, scratch: usize): void {
  const out = args.out;
  const a = args.a;
  const b = args.b;
  const length = args.length;
  const begin = task * BLOCK;
  const count = min(BLOCK, length - begin);
  const start = <usize>begin << 2;
  if (!a) {
    memory.copy(out + start, b + start, <usize>count << 2);
    return;
  }
  const full = <usize>(count & ~3) << 2;
  const rest = count & 3;
  for (let at = start; at < start + full; at += 16) {
    v128.store(out + at, f32x4.add(v128.load(a + at), v128.load(b + at)));
  }
  if (rest) {
    const at = start + full;
    storePart(out + at, f32x4.add(loadPart(a + at, rest), loadPart(b + at, rest)), rest);
  }
}

/** y[i] = factor · x[i] (+ y[i]) */
export function scale(args: ScaleArgs, task: i32, scratch: usize): void {
  const y = args.y;
  const x = args.x;
  const length = args.length;
  const accumulate = args.accumulate;
  const factor = f32x4.splat(args.factor);
  const begin = task * BLOCK;
  const count = min(BLOCK, length - begin);
  const start = <usize>begin << 2;
  const full = <usize>(count & ~3) << 2;
  const rest = count & 3;
  for (let at = start; at < start + full; at += 16) {
    let value = f32x4.mul(v128.load(x + at), factor);
    if (accumulate) value = f32x4.add(value, v128.load(y + at));
    v128.store(y + at, value);
  }
  if (rest) {
    const at = start + full;
    let value = f32x4.mul(loadPart(x + at, rest), factor);
    if (accumulate) value = f32x4.add(value, loadPart(y + at, rest));
    storePart(y + at, value, rest);
  }
}
