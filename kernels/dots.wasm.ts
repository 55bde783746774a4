/**
 * Dot products of few rows with others, which are read where they are: queries with keys, a few rows
 * of a product's left-hand matrix with the columns of its right-hand one. Every one is a chain of fused
 * multiply-adds from 0, in the order of the columns. Strides are in bytes.
 */
import { dots_2x8, dots_3x8, dots_4x8 } from "./attention/tiles.wasm";
import { gather4 } from "./simd.wasm";

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
