/**
 * Elementary functions on four f32 at a time. Largest relative errors: exp and log 8e-8, tanh 1.5e-7,
 * erf 3.3e-7; NaN goes through (not through log). Polynomials of exp, log and tanh are those of
 * Cephes (expf, logf, tanhf), the rational function of erf is Eigen's.
 *
 * Constants are read from tables: V8 makes a literal anew wherever it is used, in three instructions,
 * which took longer than the arithmetic.
 */

/** Entry `i` of a table in all four lanes: one instruction, since the address is a constant. */
// @ts-ignore: decorator
@inline
function entry(table: usize, i: usize): v128 {
  return v128.load32_splat(table + (i << 2));
}

/**
 * The range of x; log2 e; 1.5 · 2²³, which, added to a small number, leaves the nearest integer in
 * the low bits; ln 2 in two parts, the first with few digits, so that a product with a small integer
 * is exact; the polynomial; 1.
 */
const EXP: usize = memory.data<f32>([
  -87.33,
  89,
  1.44269504,
  12582912,
  0.693359375,
  -2.12194440e-4,
  1.9875691500e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  0.5,
  1,
]);

/** e^x; 0 below -87.33 (-∞ included), ∞ above 88.37. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const low = entry(EXP, 0);
  const rounder = entry(EXP, 3);
  const one = entry(EXP, 12);
  // pmax and pmin let NaN through, and are one instruction each where max and min are seven.
  const clamped = f32x4.pmin(f32x4.pmax(x, low), entry(EXP, 1));
  // x = n ln 2 + r, |r| <= ln 2 / 2
  const rounded = f32x4.relaxed_madd(clamped, entry(EXP, 2), rounder);
  const n = f32x4.sub(rounded, rounder);
  let r = f32x4.relaxed_nmadd(n, entry(EXP, 4), clamped);
  r = f32x4.relaxed_nmadd(n, entry(EXP, 5), r);
  let p = entry(EXP, 6);
  p = f32x4.relaxed_madd(p, r, entry(EXP, 7));
  p = f32x4.relaxed_madd(p, r, entry(EXP, 8));
  p = f32x4.relaxed_madd(p, r, entry(EXP, 9));
  p = f32x4.relaxed_madd(p, r, entry(EXP, 10));
  p = f32x4.relaxed_madd(p, r, entry(EXP, 11));
  p = f32x4.add(f32x4.relaxed_madd(p, f32x4.mul(r, r), r), one);
  // 2^n, put together from its bits and those of 1; n = 128 gives ∞.
  const scale = i32x4.add(i32x4.shl(rounded, 23), one);
  return v128.andnot(f32x4.mul(p, scale), f32x4.lt(x, low));
}

/**
 * Stores e^x0 and e^x1 one after the other: {@linkcode exp4} twice, with each constant read once, and
 * in pairs that V8 makes 256 bits wide in turbo.
 */
// @ts-ignore: decorator
@inline
export function exp8(at: usize, x0: v128, x1: v128): void {
  let c = entry(EXP, 0);
  const below0 = f32x4.lt(x0, c), below1 = f32x4.lt(x1, c);
  x0 = f32x4.pmax(x0, c), x1 = f32x4.pmax(x1, c);
  c = entry(EXP, 1);
  x0 = f32x4.pmin(x0, c), x1 = f32x4.pmin(x1, c);
  c = entry(EXP, 2);
  const rounder = entry(EXP, 3);
  const rounded0 = f32x4.relaxed_madd(x0, c, rounder), rounded1 = f32x4.relaxed_madd(x1, c, rounder);
  const n0 = f32x4.sub(rounded0, rounder), n1 = f32x4.sub(rounded1, rounder);
  c = entry(EXP, 4);
  x0 = f32x4.relaxed_nmadd(n0, c, x0), x1 = f32x4.relaxed_nmadd(n1, c, x1);
  c = entry(EXP, 5);
  x0 = f32x4.relaxed_nmadd(n0, c, x0), x1 = f32x4.relaxed_nmadd(n1, c, x1);
  const first = entry(EXP, 6);
  c = entry(EXP, 7);
  let p0 = f32x4.relaxed_madd(first, x0, c), p1 = f32x4.relaxed_madd(first, x1, c);
  c = entry(EXP, 8);
  p0 = f32x4.relaxed_madd(p0, x0, c), p1 = f32x4.relaxed_madd(p1, x1, c);
  c = entry(EXP, 9);
  p0 = f32x4.relaxed_madd(p0, x0, c), p1 = f32x4.relaxed_madd(p1, x1, c);
  c = entry(EXP, 10);
  p0 = f32x4.relaxed_madd(p0, x0, c), p1 = f32x4.relaxed_madd(p1, x1, c);
  c = entry(EXP, 11);
  p0 = f32x4.relaxed_madd(p0, x0, c), p1 = f32x4.relaxed_madd(p1, x1, c);
  p0 = f32x4.relaxed_madd(p0, f32x4.mul(x0, x0), x0);
  p1 = f32x4.relaxed_madd(p1, f32x4.mul(x1, x1), x1);
  const one = entry(EXP, 12);
  p0 = f32x4.add(p0, one), p1 = f32x4.add(p1, one);
  const scale0 = i32x4.add(i32x4.shl(rounded0, 23), one);
  const scale1 = i32x4.add(i32x4.shl(rounded1, 23), one);
  v128.store(at, v128.andnot(f32x4.mul(p0, scale0), below0));
  v128.store(at, v128.andnot(f32x4.mul(p1, scale1), below1), 16);
}

/** 1 / (1 + e^-x) */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = entry(EXP, 12);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** The polynomial; where it ends; -2. */
const TANH: usize = memory.data<f32>([
  -5.70498872745e-3,
  2.06390887954e-2,
  -5.37397155531e-2,
  1.33314422036e-1,
  -3.33332819422e-1,
  0.625,
  -2,
]);

/** Hyperbolic tangent: a polynomial around 0, (1 - e^-2|x|) / (1 + e^-2|x|) elsewhere. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const one = entry(EXP, 12);
  const z = f32x4.mul(x, x);
  let p = entry(TANH, 0);
  p = f32x4.relaxed_madd(p, z, entry(TANH, 1));
  p = f32x4.relaxed_madd(p, z, entry(TANH, 2));
  p = f32x4.relaxed_madd(p, z, entry(TANH, 3));
  p = f32x4.relaxed_madd(p, z, entry(TANH, 4));
  const near = f32x4.relaxed_madd(f32x4.mul(p, z), x, x);
  const size = f32x4.abs(x);
  const e = exp4(f32x4.mul(size, entry(TANH, 6)));
  const far = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(size, entry(TANH, 5)));
}

/** The range of x; P from the highest power; Q likewise. */
const ERF: usize = memory.data<f32>([
  -4,
  4,
  -2.72614225801306e-10,
  2.77068142495902e-8,
  -2.10102402082508e-6,
  -5.69250639462346e-5,
  -7.34990630326855e-4,
  -2.95459980854025e-3,
  -1.60960333262415e-2,
  -1.45660718464996e-5,
  -2.13374055278905e-4,
  -1.68282697438203e-3,
  -7.37332916720468e-3,
  -1.42647390514189e-2,
]);

/** Error function: x P(x²) / Q(x²), constant outside [-4, 4] where it is 1 in f32. */
// @ts-ignore: decorator
@inline
export function erf4(value: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(value, entry(ERF, 0)), entry(ERF, 1));
  const z = f32x4.mul(x, x);
  let p = entry(ERF, 2);
  p = f32x4.relaxed_madd(p, z, entry(ERF, 3));
  p = f32x4.relaxed_madd(p, z, entry(ERF, 4));
  p = f32x4.relaxed_madd(p, z, entry(ERF, 5));
  p = f32x4.relaxed_madd(p, z, entry(ERF, 6));
  p = f32x4.relaxed_madd(p, z, entry(ERF, 7));
  p = f32x4.relaxed_madd(p, z, entry(ERF, 8));
  let q = entry(ERF, 9);
  q = f32x4.relaxed_madd(q, z, entry(ERF, 10));
  q = f32x4.relaxed_madd(q, z, entry(ERF, 11));
  q = f32x4.relaxed_madd(q, z, entry(ERF, 12));
  q = f32x4.relaxed_madd(q, z, entry(ERF, 13));
  return f32x4.div(f32x4.mul(x, p), q);
}

/** The polynomial from the highest power. */
const LOG: usize = memory.data<f32>([
  7.0376836292e-2,
  -1.1514610310e-1,
  1.1676998740e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
]);

/** Natural logarithm of a positive, normal, finite number; anything else is the caller's. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // x = m 2^e with m in [√½, √2)
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const e = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23));
  const bits = v128.and(shifted, i32x4.splat(0x007fffff));
  const m = f32x4.sub(i32x4.add(bits, i32x4.splat(0x3f3504f3)), entry(EXP, 12));
  const z = f32x4.mul(m, m);
  let p = entry(LOG, 0);
  p = f32x4.relaxed_madd(p, m, entry(LOG, 1));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 2));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 3));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 4));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 5));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 6));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 7));
  p = f32x4.relaxed_madd(p, m, entry(LOG, 8));
  let y = f32x4.mul(f32x4.mul(p, m), z);
  y = f32x4.relaxed_madd(e, entry(EXP, 5), y);
  y = f32x4.relaxed_nmadd(z, entry(EXP, 11), y);
  return f32x4.relaxed_madd(e, entry(EXP, 4), f32x4.add(m, y));
}
