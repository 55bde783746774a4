/** What the tests of kernels share: random values, tolerances, finite differences. */
import assert from "node:assert/strict";
import type { Random } from "../../lib/random.ts";

/** `length` values, uniform in [-scale, scale), that f32 represents exactly. */
export function randomValues(random: Random, length: number, scale = 1): Float64Array {
  return Float64Array.from(
    { length },
    () => Math.fround((random.uniform() * 2 - 1) * scale),
  );
}

/** |actual - expected| / |expected|, Euclidean norms; the absolute error where expected is zero. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let error = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(norm > 0 ? error / norm : error);
}

/** Fails unless lengths agree and the relative error is at most `tolerance`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const error = relativeError(actual, expected);
  assert.ok(error <= tolerance, `${what}: relative error ${error}, at most ${tolerance} expected`);
}

/**
 * Checks a gradient against central differences of `f` (in f64).
 *
 * @param f the function, reading `x`
 * @param x its argument, changed and restored
 * @param gradient what is to be df/dx
 */
export function assertIsGradient(
  f: () => number,
  x: Float64Array,
  gradient: ArrayLike<number>,
  what: string,
): void {
  const step = 1e-5;
  const differences = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const saved = x[i];
    x[i] = saved + step;
    const above = f();
    x[i] = saved - step;
    differences[i] = (above - f()) / (2 * step);
    x[i] = saved;
  }
  assertClose(gradient, differences, 1e-7, `${what} against finite differences`);
}

/** The inner product: seeds a vector-valued function's gradient check with weights. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Cuts f32 values to bf16: the upper halves of their words. */
export function toBf16(values: ArrayLike<number>): Uint16Array {
  const words = new Uint32Array(Float32Array.from(values).buffer);
  return Uint16Array.from(words, (word) => word >>> 16);
}

/** bf16 values as numbers. */
export function fromBf16(values: Uint16Array): Float64Array {
  return Float64Array.from(new Float32Array(Uint32Array.from(values, (v) => v << 16).buffer));
}
