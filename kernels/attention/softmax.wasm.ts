/** The softmax of a row of scores, and its derivative. */
import { exp4, exp8 } from "../math.wasm";
import { loadPart, loadUpTo4, sum4 } from "../simd.wasm";

/**
 * s = s · scale + bias for the first n, -∞ up to the next multiple of four; returns the largest.
 * `bias` is 0 when there is none.
 */
export function finishScores(s: usize, n: i32, scale: f32, bias: usize): f32 {
  const factor = f32x4.splat(scale);
  let highest = f32x4.splat(-Infinity);
  const whole = <usize>(n & ~3) << 2;
  for (let j: usize = 0; j < whole; j += 16) {
    let x = f32x4.mul(v128.load(s + j), factor);
    if (bias) x = f32x4.add(x, v128.load(bias + j));
    v128.store(s + j, x);
    // The instruction that NaN does not slow down; it stays in the scores.
    highest = f32x4.pmax(highest, x);
  }
  const rest = n & 3;
  if (rest) {
    let x = f32x4.mul(v128.load(s + whole), factor);
    if (bias) x = f32x4.add(x, loadPart(bias + whole, rest));
    x = lanes(x, 0, rest);
    v128.store(s + whole, x);
    highest = f32x4.pmax(highest, x);
  }
  return largest(highest);
}

/** {@linkcode finishScores} where the first `skip`, from one to three, become -∞ as well. */
export function finishScoresAfter(skip: i32, s: usize, n: i32, scale: f32, bias: usize): f32 {
  const count = min(n, 4);
  let x = f32x4.mul(v128.load(s), f32x4.splat(scale));
  if (bias) x = f32x4.add(x, loadUpTo4(bias, count));
  x = lanes(x, skip, count);
  v128.store(s, x);
  const highest = largest(f32x4.pmax(f32x4.splat(-Infinity), x));
  return n > 4 ? max(highest, finishScores(s + 16, n - 4, scale, bias ? bias + 16 : 0)) : highest;
}

// @ts-ignore: decorator
@inline
function largest(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}

/**
 * s = e^(s - shift) for the first n and -∞ after them up to a multiple of four; 0 from there
 * to the first multiple from `end` on. Returns the sum: one of every fourth, then of the four.
 */
export function exponentials(s: usize, n: i32, end: i32, shift: f32): f32 {
  const shift4 = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  const filled = wholeBytes(n);
  let at = s;
  for (; at + 32 <= s + filled; at += 32) {
    exp8(at, f32x4.sub(v128.load(at), shift4), f32x4.sub(v128.load(at, 16), shift4));
    sum = f32x4.add(f32x4.add(sum, v128.load(at)), v128.load(at, 16));
  }
  if (at < s + filled) {
    const e = exp4(f32x4.sub(v128.load(at), shift4));
    v128.store(at, e);
    sum = f32x4.add(sum, e);
  }
  zero(s + filled, s + wholeBytes(end));
  return sum4(sum);
}

/**
 * p holds products q · k and ds the gradients dp of probabilities: p = e^(p · scale + bias - shift)
 * for the first n, and ds = p · (dp - mean); both are 0 from there to the first
 * multiple of four from `end` on.
 */
export function differentiateRow(
  p: usize, ds: usize, n: i32, end: i32,
  scale: f32, bias: usize, shift: f32, mean: f32,
): void {
  const factor = f32x4.splat(scale);
  const shift4 = f32x4.splat(shift);
  const mean4 = f32x4.splat(mean);
  const whole = <usize>(n & ~3) << 2;
  let j: usize = 0;
  for (; j + 32 <= whole; j += 32) {
    let x0 = f32x4.mul(v128.load(p + j), factor), x1 = f32x4.mul(v128.load(p + j, 16), factor);
    if (bias) {
      x0 = f32x4.add(x0, v128.load(bias + j)), x1 = f32x4.add(x1, v128.load(bias + j, 16));
    }
    exp8(p + j, f32x4.sub(x0, shift4), f32x4.sub(x1, shift4));
    const d0 = f32x4.mul(v128.load(p + j), f32x4.sub(v128.load(ds + j), mean4));
    const d1 = f32x4.mul(v128.load(p + j, 16), f32x4.sub(v128.load(ds + j, 16), mean4));
    v128.store(ds + j, d0), v128.store(ds + j, d1, 16);
  }
  for (; j < whole; j += 16) {
    let x = f32x4.mul(v128.load(p + j), factor);
    if (bias) x = f32x4.add(x, v128.load(bias + j));
    differentiate4(p + j, ds + j, f32x4.sub(x, shift4), mean4);
  }
  const rest = n & 3;
  if (rest) {
    let x = f32x4.mul(v128.load(p + whole), factor);
    if (bias) x = f32x4.add(x, loadPart(bias + whole, rest));
    differentiate4(p + whole, ds + whole, lanes(f32x4.sub(x, shift4), 0, rest), mean4);
  }
  const filled = wholeBytes(n);
  zero(p + filled, p + wholeBytes(end));
  zero(ds + filled, ds + wholeBytes(end));
}

// @ts-ignore: decorator
@inline
function differentiate4(p: usize, ds: usize, x: v128, mean: v128): void {
  const e = exp4(x);
  v128.store(p, e);
  v128.store(ds, f32x4.mul(e, f32x4.sub(v128.load(ds), mean)));
}

/** The lanes of x from `begin` to `end` (exclusive), the others -∞. */
// @ts-ignore: decorator
@inline
function lanes(x: v128, begin: i32, end: i32): v128 {
  const lane = i32x4(0, 1, 2, 3);
  const kept = v128.and(
    i32x4.lt_s(lane, i32x4.splat(end)), i32x4.ge_s(lane, i32x4.splat(begin)),
  );
  return v128.bitselect(x, f32x4.splat(-Infinity), kept);
}

/** Bytes of n f32, whole to a multiple of four. */
// @ts-ignore: decorator
@inline
function wholeBytes(n: i32): usize {
  return <usize>((n + 3) & ~3) << 2;
}

/** Sets vectors to 0. */
// @ts-ignore: decorator
@inline
export function zero(begin: usize, end: usize): void {
  for (let at = begin; at < end; at += 16) v128.store(at, f32x4.splat(0));
}
