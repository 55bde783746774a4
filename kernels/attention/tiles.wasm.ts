/**
 * The two small matrix products of attention, on rows anywhere in memory. What is summed, and in
 * which order, depends only on the row of the result: a full pass and one-token decoding agree
 * bit for bit. Odd edges repeat the last row instead of having code of their own.
 */
import { loadPart, storePart } from "../simd.wasm";

/** Lane i: the sum of the i-th vector's lanes, in the order of sum4. */
// @ts-ignore: decorator
@inline
function sums(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/**
 * out[i][j] = x[i] · y[j] for `xRows` x `yRows` rows of `width` f32. Strides are in bytes. Columns
 * of `out` up to the next multiple of four are overwritten.
 */
export function dots(
  x: usize, xStride: usize, xRows: i32,
  y: usize, yStride: usize, yRows: i32,
  width: i32, out: usize, outStride: usize,
): void {
  const bytes = <usize>(width & ~3) << 2;
  const rest = width & 3;
  const yLast = y + <usize>(yRows - 1) * yStride;
  for (let j = 0; j < yRows; j += 4) {
    const y0 = y + <usize>j * yStride;
    const y1 = min(y0 + yStride, yLast);
    const y2 = min(y1 + yStride, yLast);
    const y3 = min(y2 + yStride, yLast);
    for (let i = 0; i < xRows; i += 2) {
      const x0 = x + <usize>i * xStride;
      const x1 = i + 1 < xRows ? x0 + xStride : x0;
      let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
      let b0 = f32x4.splat(0), b1 = f32x4.splat(0), b2 = f32x4.splat(0), b3 = f32x4.splat(0);
      for (let d: usize = 0; d < bytes; d += 16) {
        const u = v128.load(x0 + d);
        const v = v128.load(x1 + d);
        let w = v128.load(y0 + d);
        a0 = f32x4.relaxed_madd(u, w, a0);
        b0 = f32x4.relaxed_madd(v, w, b0);
        w = v128.load(y1 + d);
        a1 = f32x4.relaxed_madd(u, w, a1);
        b1 = f32x4.relaxed_madd(v, w, b1);
        w = v128.load(y2 + d);
        a2 = f32x4.relaxed_madd(u, w, a2);
        b2 = f32x4.relaxed_madd(v, w, b2);
        w = v128.load(y3 + d);
        a3 = f32x4.relaxed_madd(u, w, a3);
        b3 = f32x4.relaxed_madd(v, w, b3);
      }
      if (rest) {
        const u = loadPart(x0 + bytes, rest);
        const v = loadPart(x1 + bytes, rest);
        let w = loadPart(y0 + bytes, rest);
        a0 = f32x4.relaxed_madd(u, w, a0);
        b0 = f32x4.relaxed_madd(v, w, b0);
        w = loadPart(y1 + bytes, rest);
        a1 = f32x4.relaxed_madd(u, w, a1);
        b1 = f32x4.relaxed_madd(v, w, b1);
        w = loadPart(y2 + bytes, rest);
        a2 = f32x4.relaxed_madd(u, w, a2);
        b2 = f32x4.relaxed_madd(v, w, b2);
        w = loadPart(y3 + bytes, rest);
        a3 = f32x4.relaxed_madd(u, w, a3);
        b3 = f32x4.relaxed_madd(v, w, b3);
      }
      const at = out + <usize>i * outStride + (<usize>j << 2);
      v128.store(at, sums(a0, a1, a2, a3));
      if (i + 1 < xRows) v128.store(at + outStride, sums(b0, b1, b2, b3));
    }
  }
}

/**
 * out[i] (+)= Σ_t w[i][t] · x[t] for `outRows` rows of `width` f32, t in order. Strides are in
 * bytes; w[i][t] is at w + i · wRow + t · wInner, so that W and its transpose are both at home.
 */
export function combine(
  out: usize, outStride: usize, outRows: i32,
  w: usize, wRow: usize, wInner: usize,
  x: usize, xStride: usize, inner: i32,
  width: i32, accumulate: i32,
): void {
  const zero = f32x4.splat(0);
  const end = w + <usize>inner * wInner;
  for (let i = 0; i < outRows; i += 2) {
    const single = i + 1 == outRows;
    const first = w + <usize>i * wRow;
    const second: usize = single ? 0 : wRow;
    const stop = end + <usize>i * wRow;
    const o0 = out + <usize>i * outStride;
    const o1 = single ? o0 : o0 + outStride;
    let column = 0;
    for (; column + 16 <= width; column += 16) {
      const at = <usize>column << 2;
      let a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
      if (accumulate) {
        a0 = v128.load(o0 + at), a1 = v128.load(o0 + at, 16);
        a2 = v128.load(o0 + at, 32), a3 = v128.load(o0 + at, 48);
        b0 = v128.load(o1 + at), b1 = v128.load(o1 + at, 16);
        b2 = v128.load(o1 + at, 32), b3 = v128.load(o1 + at, 48);
      }
      let source = x + at;
      for (let p = first; p < stop; p += wInner) {
        const u = v128.load32_splat(p);
        const v = v128.load32_splat(p + second);
        let y = v128.load(source);
        a0 = f32x4.relaxed_madd(u, y, a0);
        b0 = f32x4.relaxed_madd(v, y, b0);
        y = v128.load(source, 16);
        a1 = f32x4.relaxed_madd(u, y, a1);
        b1 = f32x4.relaxed_madd(v, y, b1);
        y = v128.load(source, 32);
        a2 = f32x4.relaxed_madd(u, y, a2);
        b2 = f32x4.relaxed_madd(v, y, b2);
        y = v128.load(source, 48);
        a3 = f32x4.relaxed_madd(u, y, a3);
        b3 = f32x4.relaxed_madd(v, y, b3);
        source += xStride;
      }
      v128.store(o0 + at, a0), v128.store(o0 + at, a1, 16);
      v128.store(o0 + at, a2, 32), v128.store(o0 + at, a3, 48);
      if (single) continue;
      v128.store(o1 + at, b0), v128.store(o1 + at, b1, 16);
      v128.store(o1 + at, b2, 32), v128.store(o1 + at, b3, 48);
    }
    for (; column < width; column += 4) {
      const at = <usize>column << 2;
      const count = width - column;
      let a = zero, b = zero;
      if (accumulate) {
        a = loadUpTo4(o0 + at, count);
        b = loadUpTo4(o1 + at, count);
      }
      let source = x + at;
      for (let p = first; p < stop; p += wInner) {
        const y = loadUpTo4(source, count);
        a = f32x4.relaxed_madd(v128.load32_splat(p), y, a);
        b = f32x4.relaxed_madd(v128.load32_splat(p + second), y, b);
        source += xStride;
      }
      storeUpTo4(o0 + at, a, count);
      if (!single) storeUpTo4(o1 + at, b, count);
    }
  }
}

// @ts-ignore: decorator
@inline
function loadUpTo4(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadPart(p, count);
}

// @ts-ignore: decorator
@inline
function storeUpTo4(p: usize, value: v128, count: i32): void {
  if (count >= 4) v128.store(p, value);
  else storePart(p, value, count);
}
