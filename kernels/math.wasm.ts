/**
 * Elementary functions on four f32 at a time. Largest relative errors: exp and log 8e-8, tanh 1.5e-7,
 * erf 3.3e-7; NaN goes through (not through log). Polynomials of exp, log and tanh are those of Cephes (expf, logf, tanhf), the rational
 * function of erf is Eigen's.
 */

// @ts-ignore: decorator
@inline
const LOG2_E: f32 = 1.44269504;

/** ln 2 in two parts: the first has few digits, so that a product with a small integer is exact. */
// @ts-ignore: decorator
@inline
const LN2_HIGH: f32 = 0.693359375;

// @ts-ignore: decorator
@inline
const LN2_LOW: f32 = -2.12194440e-4;

/** 1.5 · 2²³: added to a small number, it leaves the nearest integer in the low bits. */
// @ts-ignore: decorator
@inline
const ROUNDER: f32 = 12582912;

/** e^x; 0 below -87.33 (-∞ included), ∞ above 88.37. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const low = f32x4.splat(-87.33);
  const clamped = f32x4.min(f32x4.max(x, low), f32x4.splat(89));
  // x = n ln 2 + r, |r| <= ln 2 / 2
  const rounded = f32x4.relaxed_madd(clamped, f32x4.splat(LOG2_E), f32x4.splat(ROUNDER));
  const n = f32x4.sub(rounded, f32x4.splat(ROUNDER));
  let r = f32x4.relaxed_nmadd(n, f32x4.splat(LN2_HIGH), clamped);
  r = f32x4.relaxed_nmadd(n, f32x4.splat(LN2_LOW), r);
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.relaxed_madd(p, r, f32x4.splat(1.3981999507e-3));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(8.3334519073e-3));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(4.1665795894e-2));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(1.6666665459e-1));
  p = f32x4.relaxed_madd(p, r, f32x4.splat(0.5));
  p = f32x4.add(f32x4.relaxed_madd(p, f32x4.mul(r, r), r), f32x4.splat(1));
  // 2^n, put together from its bits; n = 128 gives ∞.
  const scale = i32x4.add(i32x4.shl(rounded, 23), i32x4.splat(0x3f800000));
  return v128.andnot(f32x4.mul(p, scale), f32x4.lt(x, low));
}

/** 1 / (1 + e^-x) */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** Hyperbolic tangent: a polynomial around 0, (1 - e^-2|x|) / (1 + e^-2|x|) elsewhere. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const one = f32x4.splat(1);
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.relaxed_madd(p, z, f32x4.splat(2.06390887954e-2));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-5.37397155531e-2));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(1.33314422036e-1));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-3.33332819422e-1));
  const near = f32x4.relaxed_madd(f32x4.mul(p, z), x, x);
  const size = f32x4.abs(x);
  const e = exp4(f32x4.mul(size, f32x4.splat(-2)));
  const far = f32x4.div(f32x4.sub(one, e), f32x4.add(one, e));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)));
}

/** Error function: x P(x²) / Q(x²), constant outside [-4, 4] where it is 1 in f32. */
// @ts-ignore: decorator
@inline
export function erf4(value: v128): v128 {
  const x = f32x4.min(f32x4.max(value, f32x4.splat(-4)), f32x4.splat(4));
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-2.72614225801306e-10);
  p = f32x4.relaxed_madd(p, z, f32x4.splat(2.77068142495902e-8));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-2.10102402082508e-6));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-5.69250639462346e-5));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-7.34990630326855e-4));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-2.95459980854025e-3));
  p = f32x4.relaxed_madd(p, z, f32x4.splat(-1.60960333262415e-2));
  let q = f32x4.splat(-1.45660718464996e-5);
  q = f32x4.relaxed_madd(q, z, f32x4.splat(-2.13374055278905e-4));
  q = f32x4.relaxed_madd(q, z, f32x4.splat(-1.68282697438203e-3));
  q = f32x4.relaxed_madd(q, z, f32x4.splat(-7.37332916720468e-3));
  q = f32x4.relaxed_madd(q, z, f32x4.splat(-1.42647390514189e-2));
  return f32x4.div(f32x4.mul(x, p), q);
}

/** Natural logarithm of a positive, normal, finite number; anything else is the caller's. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // x = m 2^e with m in [√½, √2)
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const e = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23));
  const bits = v128.and(shifted, i32x4.splat(0x007fffff));
  const m = f32x4.sub(i32x4.add(bits, i32x4.splat(0x3f3504f3)), f32x4.splat(1));
  const z = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = f32x4.relaxed_madd(p, m, f32x4.splat(-1.1514610310e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(1.1676998740e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(-1.2420140846e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(1.4249322787e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(-1.6668057665e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(2.0000714765e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(-2.4999993993e-1));
  p = f32x4.relaxed_madd(p, m, f32x4.splat(3.3333331174e-1));
  let y = f32x4.mul(f32x4.mul(p, m), z);
  y = f32x4.relaxed_madd(e, f32x4.splat(LN2_LOW), y);
  y = f32x4.relaxed_nmadd(z, f32x4.splat(0.5), y);
  return f32x4.relaxed_madd(e, f32x4.splat(LN2_HIGH), f32x4.add(m, y));
}
