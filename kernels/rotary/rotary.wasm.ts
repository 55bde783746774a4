import { RotaryArgs, RotaryBackwardArgs } from "./args.wasm";
import { loadPart, storePart, sum4 } from "../simd.wasm";

/** y_i = x_i, or its norm over each head, rotated; a task takes `perTask` rows. */
export function rotary(args: RotaryArgs, task: i32, scratch: usize): void {
  const places = args.places;
  const headSize = args.headSize;
  const heads0 = args.heads_0;
  const heads1 = args.heads_1;
  const eps = args.eps;
  const offset = args.weightOffset;
  const end = min((task + 1) * args.perTask, args.rows);
  for (let row = task * args.perTask; row < end; row++) {
    const position = load<i32>(args.positions + (<usize>row << 2));
    const angles = args.table + (<usize>position * headSize << 2);
    const place = places ? load<i32>(places + (<usize>row << 2)) : row;
    heads(
      args.y_0, args.placed_0 ? place : row, args.rstd_0, args.x_0, row, heads0, headSize, angles,
      args.weight_0, eps, offset,
    );
    heads(
      args.y_1, args.placed_1 ? place : row, args.rstd_1, args.x_1, row, heads1, headSize, angles,
      args.weight_1, eps, offset,
    );
  }
}

/** The heads of row `row` of x, into row `to` of y. */
function heads(
  y: usize, to: i32, rstds: usize, x: usize, row: i32, count: i32, headSize: i32, angles: usize,
  weight: usize, eps: f32, offset: f32,
): void {
  const bytes = <usize>headSize << 2;
  for (let head = 0; head < count; head++) {
    const from = x + <usize>(row * count + head) * bytes;
    let rstd: f32 = 1;
    if (weight) {
      rstd = 1 / sqrt<f32>(sumOfSquares(from, headSize) / <f32>headSize + eps);
      if (rstds) store<f32>(rstds + (<usize>(row * count + head) << 2), rstd);
    }
    rotate(y + <usize>(to * count + head) * bytes, from, headSize, angles, weight, rstd, offset);
  }
}

function sumOfSquares(x: usize, count: i32): f32 {
  let squares = f32x4.splat(0);
  const full = <usize>(count & ~3) << 2;
  for (let at: usize = 0; at < full; at += 16) {
    const value = v128.load(x + at);
    squares = f32x4.relaxed_madd(value, value, squares);
  }
  const rest = count & 3;
  if (rest) {
    const value = loadPart(x + full, rest);
    squares = f32x4.relaxed_madd(value, value, squares);
  }
  return sum4(squares);
}

/** One head, times rstd · (weight + offset) where there is a weight, rotated. */
function rotate(y: usize, x: usize, headSize: i32, angles: usize, weight: usize, rstd: f32, offset: f32): void {
  const half = <usize>headSize << 1;
  const full = half & ~15;
  const scale = f32x4.splat(rstd);
  const added = f32x4.splat(offset);
  for (let at: usize = 0; at < full; at += 16) {
    let a = v128.load(x + at);
    let b = v128.load(x + half + at);
    if (weight) {
      a = f32x4.mul(f32x4.mul(a, scale), f32x4.add(v128.load(weight + at), added));
      b = f32x4.mul(f32x4.mul(b, scale), f32x4.add(v128.load(weight + half + at), added));
    }
    const cos = v128.load(angles + at);
    const sin = v128.load(angles + half + at);
    v128.store(y + at, f32x4.relaxed_nmadd(b, sin, f32x4.mul(a, cos)));
    v128.store(y + half + at, f32x4.relaxed_madd(a, sin, f32x4.mul(b, cos)));
  }
  const rest = (headSize >> 1) & 3;
  if (rest) {
    let a = loadPart(x + full, rest);
    let b = loadPart(x + half + full, rest);
    if (weight) {
      a = f32x4.mul(f32x4.mul(a, scale), f32x4.add(loadPart(weight + full, rest), added));
      b = f32x4.mul(f32x4.mul(b, scale), f32x4.add(loadPart(weight + half + full, rest), added));
    }
    const cos = loadPart(angles + full, rest);
    const sin = loadPart(angles + half + full, rest);
    storePart(y + full, f32x4.relaxed_nmadd(b, sin, f32x4.mul(a, cos)), rest);
    storePart(y + half + full, f32x4.relaxed_madd(a, sin, f32x4.mul(b, cos)), rest);
  }
}

/** dx = dy rotated back (+ dx); a task takes `perTask` rows. */
export function rotary_backward(args: RotaryBackwardArgs, task: i32, scratch: usize): void {
  const headSize = args.headSize;
  const heads = args.heads;
  const accumulate = args.accumulate;
  const bytes = <usize>headSize << 2;
  const end = min((task + 1) * args.perTask, args.rows);
  for (let row = task * args.perTask; row < end; row++) {
    const position = load<i32>(args.positions + (<usize>row << 2));
    const angles = args.table + <usize>position * bytes;
    for (let head = 0; head < heads; head++) {
      const offset = <usize>(row * heads + head) * bytes;
      rotateBack(args.dx + offset, args.dy + offset, headSize, angles, accumulate);
    }
  }
}

function rotateBack(dx: usize, dy: usize, headSize: i32, angles: usize, accumulate: i32): void {
  const half = <usize>headSize << 1;
  const full = half & ~15;
  for (let at: usize = 0; at < full; at += 16) {
    const a = v128.load(dy + at);
    const b = v128.load(dy + half + at);
    const cos = v128.load(angles + at);
    const sin = v128.load(angles + half + at);
    let da = f32x4.relaxed_madd(b, sin, f32x4.mul(a, cos));
    let db = f32x4.relaxed_nmadd(a, sin, f32x4.mul(b, cos));
    if (accumulate) {
      da = f32x4.add(da, v128.load(dx + at));
      db = f32x4.add(db, v128.load(dx + half + at));
    }
    v128.store(dx + at, da);
    v128.store(dx + half + at, db);
  }
  const rest = (headSize >> 1) & 3;
  if (rest) {
    const a = loadPart(dy + full, rest);
    const b = loadPart(dy + half + full, rest);
    const cos = loadPart(angles + full, rest);
    const sin = loadPart(angles + half + full, rest);
    let da = f32x4.relaxed_madd(b, sin, f32x4.mul(a, cos));
    let db = f32x4.relaxed_nmadd(a, sin, f32x4.mul(b, cos));
    if (accumulate) {
      da = f32x4.add(da, loadPart(dx + full, rest));
      db = f32x4.add(db, loadPart(dx + half + full, rest));
    }
    storePart(dx + full, da, rest);
    storePart(dx + half + full, db, rest);
  }
}
