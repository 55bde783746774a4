/**
 * Attention's weighted sums for a single query, as in decoding, or for the few query heads of a key
 * head: values are read where they are, as keys are by kernels/dots.wasm.ts. Every sum is in the order
 * of products.wasm.ts. Strides are in bytes.
 */
import { combine } from "./products.wasm";
import { strided_4x8 } from "./tiles.wasm";

/** Rows from which on keys are better copied into panels; with wide vectors, four already. */
export const PANEL_HEADS: i32 = 12;
/** Keys that the weighted sums of few rows take at a time. */
const FEW_KEYS: i32 = 16;

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
