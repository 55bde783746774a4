/**
 * Top-k and top-p without sorting: the score at which the kept ones begin is found digit by digit
 * (11, 11 and 10 bits), each from a histogram of the scores that share the digits before it.
 */
import { exp4 } from "../math.wasm";

/** Entries of the histogram, f64. */
const BINS: i32 = 2048;

/** Unsigned integers in the order of the scores. */
// @ts-ignore: decorator
@inline
function keys(z: v128): v128 {
  return v128.xor(z, v128.or(i32x4.shr_s(z, 31), i32x4.splat(0x80000000)));
}

/** Removes all but the k largest of n scores (a multiple of 4); what equals the k-th stays. */
export function keepTopK(z: usize, n: i32, k: i32, histogram: usize): void {
  const threshold = i32x4.splat(<i32>select(z, n, false, 0, n - k, histogram));
  for (let i: usize = 0; i < <usize>n << 2; i += 16) {
    const x = v128.load(z + i);
    v128.store(z + i, remove(x, i32x4.lt_u(keys(x), threshold)));
  }
}

/**
 * Removes the smallest scores whose probabilities together are at most 1 - topP; of equal ones
 * those that come first.
 *
 * @param highest the largest score
 * @param total Σ e^(z - highest)
 */
export function keepTopP(
  z: usize, n: i32, highest: f32, total: f64, topP: f64, histogram: usize,
): void {
  // The largest weighs 1, and one of it is always kept.
  const limit = min((1 - topP) * total, total - 0.5);
  const key = select(z, n, true, highest, limit, histogram);
  const threshold = i32x4.splat(<i32>key);
  const highest4 = f32x4.splat(highest);
  let removed: f64 = 0;
  for (let i: usize = 0; i < <usize>n << 2; i += 16) {
    const x = v128.load(z + i);
    const below = i32x4.lt_u(keys(x), threshold);
    if (!v128.any_true(below)) continue;
    const e = v128.and(exp4(f32x4.sub(x, highest4)), below);
    removed += <f64>f32x4.extract_lane(e, 0) + <f64>f32x4.extract_lane(e, 1);
    removed += <f64>f32x4.extract_lane(e, 2) + <f64>f32x4.extract_lane(e, 3);
    v128.store(z + i, remove(x, below));
  }
  // The score that `key` stands for, and its probability.
  const bits = key & 0x80000000 ? key ^ 0x80000000 : ~key;
  const score = reinterpret<f32>(bits);
  const each: f64 = f32x4.extract_lane(exp4(f32x4.splat(score - highest)), 0);
  for (let i: usize = 0; i < <usize>n << 2 && removed + each <= limit; i += 4) {
    if (load<f32>(z + i) != score) continue;
    removed += each;
    store<f32>(z + i, -Infinity);
  }
}

/**
 * The key at which the weights of the scores, summed from the smallest, first exceed `limit`.
 * A score weighs e^(z - highest) if `byMass`, else 1.
 */
function select(
  z: usize, n: i32, byMass: bool, highest: f32, limit: f64, histogram: usize,
): u32 {
  const highest4 = f32x4.splat(highest);
  let prefix: u32 = 0;
  let below: f64 = 0;
  for (let shift = 21; shift >= 0; shift = shift == 21 ? 10 : shift - 10) {
    const digitBits = shift ? 11 : 10;
    const mask = i32x4.splat((1 << digitBits) - 1);
    memory.fill(histogram, 0, BINS << 3);
    for (let i: usize = 0; i < <usize>n << 2; i += 16) {
      const x = v128.load(z + i);
      const k = keys(x);
      let weights = f32x4.splat(1);
      if (byMass) weights = exp4(f32x4.sub(x, highest4));
      if (shift < 21) {
        const same = i32x4.eq(i32x4.shr_u(k, shift + digitBits), i32x4.splat(<i32>prefix));
        weights = v128.and(weights, same);
      }
      if (!v128.any_true(weights)) continue;
      const digits = i32x4.shl(v128.and(i32x4.shr_u(k, shift), mask), 3);
      tally(histogram + i32x4.extract_lane(digits, 0), f32x4.extract_lane(weights, 0));
      tally(histogram + i32x4.extract_lane(digits, 1), f32x4.extract_lane(weights, 1));
      tally(histogram + i32x4.extract_lane(digits, 2), f32x4.extract_lane(weights, 2));
      tally(histogram + i32x4.extract_lane(digits, 3), f32x4.extract_lane(weights, 3));
    }
    // Should rounding keep the sum below the limit, it is the last that weighs anything.
    let digit: u32 = 0;
    let belowDigit = below;
    for (let bin: u32 = 0; bin < <u32>BINS; bin++) {
      const weight = load<f64>(histogram + (<usize>bin << 3));
      if (weight == 0) continue;
      digit = bin;
      belowDigit = below;
      below += weight;
      if (below > limit) break;
    }
    below = belowDigit;
    prefix = (prefix << digitBits) | digit;
  }
  return prefix;
}

// @ts-ignore: decorator
@inline
function tally(bin: usize, weight: f32): void {
  store<f64>(bin, load<f64>(bin) + weight);
}

// @ts-ignore: decorator
@inline
function remove(x: v128, which: v128): v128 {
  return v128.bitselect(f32x4.splat(-Infinity), x, which);
}
