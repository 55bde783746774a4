/**
 * Attention's products for a single query, as in decoding, or for the few query heads of a key head:
 * keys and values are read where they are. Every sum is in the order of products.wasm.ts. Strides are
 * in bytes.
 */
import { gather4 } from "../simd.wasm";
import { combine } from "./products.wasm";
import { dots_2x8, dots_3x8, dots_4x8, strided_4x8 } from "./tiles.wasm";

/** Keys that the weighted sums of few rows take at a time. */
const FEW_KEYS: i32 = 16;

/** out[i][j] = x[i] · y[j] for `rows` rows: see {@linkcode dotsOfOne}. */
export function dotsOfFew(
  x: usize, xStride: usize, rows: i32,
  y: usize, yStride: usize, keys: i32,
  width: i32, out: usize, outStride: usize,
): void {
  while (rows > 0) {
    // No row is left alone where it can be avoided.
    const n = rows == 5 ? 3 : min(4, rows);
    if (n == 1 || keys < 8) {
      for (let i = 0; i < n; i++) {
        dotsOfOne(
          x + <usize>i * xStride, y, yStride, keys, width, out + <usize>i * outStride,
        );
      }
    } else {
      // The last eight overlap those before them: their sums are the same again.
      for (let j = 0; j < keys; j += 8) {
        const begin = min(j, keys - 8);
        const from = y + <usize>begin * yStride;
        const to = out + (<usize>begin << 2);
        if (n == 4) dots_4x8(x, xStride, from, yStride, width, to, outStride);
        else if (n == 3) dots_3x8(x, xStride, from, yStride, width, to, outStride);
        else dots_2x8(x, xStride, from, yStride, width, to, outStride);
      }
    }
    rows -= n;
    x += <usize>n * xStride;
    out += <usize>n * outStride;
  }
}

/** out[i] (+)= Σ_t w[i][t] · x[t] for `rows` rows: see {@linkcode sumOfOne}. */
export function sumsOfFew(
  out: usize, outStride: usize, rows: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, keys: i32, width: i32, accumulate: i32,
): void {
  for (let i = 0; i < rows; i += 4) {
    const n = min(4, rows - i);
    const to = out + <usize>i * outStride;
    const from = w + <usize>i * wStride;
    if (n == 1) {
      sumOfOne(to, from, x, xStride, keys, width, accumulate);
      continue;
    }
    // A few keys at a time: their rows stay in the first-level cache for all columns.
    for (let t = 0; t == 0 || t < keys; t += FEW_KEYS) {
      const depth = min(FEW_KEYS, keys - t);
      const xAt = x + <usize>t * xStride;
      const wAt = from + (<usize>t << 2);
      const more = accumulate | t;
      for (let column = 0; column + 8 <= width; column += 8) {
        const at = <usize>column << 2;
        strided_4x8(wAt, wStride, n, xAt + at, xStride, depth, to + at, outStride, more);
      }
    }
    const column = width & ~7;
    if (column == width) continue;
    for (let row = 0; row < n; row++) {
      combine(
        to + <usize>row * outStride, from + <usize>row * wStride, 4, x, xStride, keys,
        column, width, accumulate,
      );
    }
  }
}

/**
 * out[j] = x · y[j] for `keys` rows of `width` f32. Columns of `out` up to the next multiple of 4 are
 * overwritten.
 */
function dotsOfOne(
  x: usize, y: usize, yStride: usize, keys: i32, width: i32, out: usize,
): void {
  if (keys < 16) {
    for (let j = 0; j < keys; j += 4) {
      const to = out + (<usize>j << 2);
      v128.store(to, dots4(x, y + <usize>j * yStride, yStride, keys - j, width));
    }
    return;
  }
  // The last sixteen overlap those before them: their sums are the same again.
  for (let j = 0; j < keys; j += 16) {
    const begin = min(j, keys - 16);
    dots16(x, y + <usize>begin * yStride, yStride, width, out + (<usize>begin << 2));
  }
}

/** The dot products with up to four rows; lanes beyond `rows` repeat the last. */
function dots4(x: usize, y: usize, yStride: usize, rows: i32, width: i32): v128 {
  let y1 = y + (rows > 1 ? yStride : 0), y2 = y1 + (rows > 2 ? yStride : 0);
  let y3 = y2 + (rows > 3 ? yStride : 0);
  let sum = f32x4.splat(0);
  let d = 0;
  for (; d + 4 <= width; d += 4) {
    const q = v128.load(x);
    const q0 = v128.shuffle<i32>(q, q, 0, 0, 0, 0), q1 = v128.shuffle<i32>(q, q, 1, 1, 1, 1);
    const q2 = v128.shuffle<i32>(q, q, 2, 2, 2, 2), q3 = v128.shuffle<i32>(q, q, 3, 3, 3, 3);
    sum = addBlock(
      q0, q1, q2, q3, v128.load(y), v128.load(y1), v128.load(y2), v128.load(y3), sum,
    );
    x += 16, y += 16, y1 += 16, y2 += 16, y3 += 16;
  }
  for (; d < width; d++) {
    sum = f32x4.relaxed_madd(v128.load32_splat(x), gather4(y, y1, y2, y3), sum);
    x += 4, y += 4, y1 += 4, y2 += 4, y3 += 4;
  }
  return sum;
}

/** The dot products with sixteen rows: four chains of sums, so that one need not wait for itself. */
function dots16(x: usize, y: usize, yStride: usize, width: i32, out: usize): void {
  const zero = f32x4.splat(0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero;
  let d = 0;
  for (; d + 4 <= width; d += 4) {
    const q = v128.load(x);
    const q0 = v128.shuffle<i32>(q, q, 0, 0, 0, 0), q1 = v128.shuffle<i32>(q, q, 1, 1, 1, 1);
    const q2 = v128.shuffle<i32>(q, q, 2, 2, 2, 2), q3 = v128.shuffle<i32>(q, q, 3, 3, 3, 3);
    let r0 = y, r1 = r0 + yStride, r2 = r1 + yStride, r3 = r2 + yStride;
    s0 = addBlock(
      q0, q1, q2, q3, v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3), s0,
    );
    r0 = r3 + yStride, r1 = r0 + yStride, r2 = r1 + yStride, r3 = r2 + yStride;
    s1 = addBlock(
      q0, q1, q2, q3, v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3), s1,
    );
    r0 = r3 + yStride, r1 = r0 + yStride, r2 = r1 + yStride, r3 = r2 + yStride;
    s2 = addBlock(
      q0, q1, q2, q3, v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3), s2,
    );
    r0 = r3 + yStride, r1 = r0 + yStride, r2 = r1 + yStride, r3 = r2 + yStride;
    s3 = addBlock(
      q0, q1, q2, q3, v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3), s3,
    );
    x += 16, y += 16;
  }
  for (; d < width; d++) {
    const q = v128.load32_splat(x);
    const y4 = y + 4 * yStride, y8 = y4 + 4 * yStride, y12 = y8 + 4 * yStride;
    s0 = f32x4.relaxed_madd(q, gatherRows(y, yStride), s0);
    s1 = f32x4.relaxed_madd(q, gatherRows(y4, yStride), s1);
    s2 = f32x4.relaxed_madd(q, gatherRows(y8, yStride), s2);
    s3 = f32x4.relaxed_madd(q, gatherRows(y12, yStride), s3);
    x += 4, y += 4;
  }
  v128.store(out, s0), v128.store(out, s1, 16), v128.store(out, s2, 32), v128.store(out, s3, 48);
}

// @ts-ignore: decorator
@inline
function gatherRows(p: usize, stride: usize): v128 {
  const p1 = p + stride, p2 = p1 + stride;
  return gather4(p, p1, p2, p2 + stride);
}

/** Four more columns of the sums of four rows: the block of the rows is transposed in registers. */
// @ts-ignore: decorator
@inline
function addBlock(
  q0: v128, q1: v128, q2: v128, q3: v128,
  y0: v128, y1: v128, y2: v128, y3: v128,
  sum: v128,
): v128 {
  const t0 = v128.shuffle<i32>(y0, y1, 0, 4, 1, 5);
  const t1 = v128.shuffle<i32>(y0, y1, 2, 6, 3, 7);
  const t2 = v128.shuffle<i32>(y2, y3, 0, 4, 1, 5);
  const t3 = v128.shuffle<i32>(y2, y3, 2, 6, 3, 7);
  sum = f32x4.relaxed_madd(q0, v128.shuffle<i64>(t0, t2, 0, 2), sum);
  sum = f32x4.relaxed_madd(q1, v128.shuffle<i64>(t0, t2, 1, 3), sum);
  sum = f32x4.relaxed_madd(q2, v128.shuffle<i64>(t1, t3, 0, 2), sum);
  return f32x4.relaxed_madd(q3, v128.shuffle<i64>(t1, t3, 1, 3), sum);
}

/** out (+)= Σ_t w[t] · x[t] for `keys` rows of `width` f32, t in order. */
function sumOfOne(
  out: usize, w: usize, x: usize, xStride: usize, keys: i32, width: i32, accumulate: i32,
): void {
  let column = 0;
  for (; column + 32 <= width; column += 32) {
    const at = <usize>column << 2;
    sum32(out + at, w, x + at, xStride, keys, accumulate);
  }
  if (column < width) combine(out, w, 4, x, xStride, keys, column, width, accumulate);
}

/**
 * {@linkcode sumOfOne} for 32 columns, four rows at a time: a load of one takes part in the bounds
 * check of those at the same offset of the others.
 */
function sum32(
  out: usize, w: usize, x: usize, xStride: usize, keys: i32, accumulate: i32,
): void {
  const zero = f32x4.splat(0);
  let s0 = zero, s1 = zero, s2 = zero, s3 = zero, s4 = zero, s5 = zero, s6 = zero, s7 = zero;
  if (accumulate) {
    s0 = v128.load(out), s1 = v128.load(out, 16), s2 = v128.load(out, 32), s3 = v128.load(out, 48);
    s4 = v128.load(out, 64), s5 = v128.load(out, 80), s6 = v128.load(out, 96), s7 = v128.load(out, 112);
  }
  for (; keys >= 4; keys -= 4) {
    const t = v128.load(w);
    const t0 = v128.shuffle<i32>(t, t, 0, 0, 0, 0), t1 = v128.shuffle<i32>(t, t, 1, 1, 1, 1);
    const t2 = v128.shuffle<i32>(t, t, 2, 2, 2, 2), t3 = v128.shuffle<i32>(t, t, 3, 3, 3, 3);
    const x1 = x + xStride, x2 = x1 + xStride, x3 = x2 + xStride;
    s0 = f32x4.relaxed_madd(t0, v128.load(x), s0);
    s0 = f32x4.relaxed_madd(t1, v128.load(x1), s0);
    s0 = f32x4.relaxed_madd(t2, v128.load(x2), s0);
    s0 = f32x4.relaxed_madd(t3, v128.load(x3), s0);
    s1 = f32x4.relaxed_madd(t0, v128.load(x, 16), s1);
    s1 = f32x4.relaxed_madd(t1, v128.load(x1, 16), s1);
    s1 = f32x4.relaxed_madd(t2, v128.load(x2, 16), s1);
    s1 = f32x4.relaxed_madd(t3, v128.load(x3, 16), s1);
    s2 = f32x4.relaxed_madd(t0, v128.load(x, 32), s2);
    s2 = f32x4.relaxed_madd(t1, v128.load(x1, 32), s2);
    s2 = f32x4.relaxed_madd(t2, v128.load(x2, 32), s2);
    s2 = f32x4.relaxed_madd(t3, v128.load(x3, 32), s2);
    s3 = f32x4.relaxed_madd(t0, v128.load(x, 48), s3);
    s3 = f32x4.relaxed_madd(t1, v128.load(x1, 48), s3);
    s3 = f32x4.relaxed_madd(t2, v128.load(x2, 48), s3);
    s3 = f32x4.relaxed_madd(t3, v128.load(x3, 48), s3);
    s4 = f32x4.relaxed_madd(t0, v128.load(x, 64), s4);
    s4 = f32x4.relaxed_madd(t1, v128.load(x1, 64), s4);
    s4 = f32x4.relaxed_madd(t2, v128.load(x2, 64), s4);
    s4 = f32x4.relaxed_madd(t3, v128.load(x3, 64), s4);
    s5 = f32x4.relaxed_madd(t0, v128.load(x, 80), s5);
    s5 = f32x4.relaxed_madd(t1, v128.load(x1, 80), s5);
    s5 = f32x4.relaxed_madd(t2, v128.load(x2, 80), s5);
    s5 = f32x4.relaxed_madd(t3, v128.load(x3, 80), s5);
    s6 = f32x4.relaxed_madd(t0, v128.load(x, 96), s6);
    s6 = f32x4.relaxed_madd(t1, v128.load(x1, 96), s6);
    s6 = f32x4.relaxed_madd(t2, v128.load(x2, 96), s6);
    s6 = f32x4.relaxed_madd(t3, v128.load(x3, 96), s6);
    s7 = f32x4.relaxed_madd(t0, v128.load(x, 112), s7);
    s7 = f32x4.relaxed_madd(t1, v128.load(x1, 112), s7);
    s7 = f32x4.relaxed_madd(t2, v128.load(x2, 112), s7);
    s7 = f32x4.relaxed_madd(t3, v128.load(x3, 112), s7);
    w += 16, x = x3 + xStride;
  }
  for (; keys > 0; keys--) {
    const t = v128.load32_splat(w);
    s0 = f32x4.relaxed_madd(t, v128.load(x), s0), s1 = f32x4.relaxed_madd(t, v128.load(x, 16), s1);
    s2 = f32x4.relaxed_madd(t, v128.load(x, 32), s2), s3 = f32x4.relaxed_madd(t, v128.load(x, 48), s3);
    s4 = f32x4.relaxed_madd(t, v128.load(x, 64), s4), s5 = f32x4.relaxed_madd(t, v128.load(x, 80), s5);
    s6 = f32x4.relaxed_madd(t, v128.load(x, 96), s6), s7 = f32x4.relaxed_madd(t, v128.load(x, 112), s7);
    w += 4, x += xStride;
  }
  v128.store(out, s0), v128.store(out, s1, 16), v128.store(out, s2, 32), v128.store(out, s3, 48);
  v128.store(out, s4, 64), v128.store(out, s5, 80), v128.store(out, s6, 96), v128.store(out, s7, 112);
}
