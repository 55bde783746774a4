/**
 * Rows of queries and keys of one head of keys. The query heads that read it work together: rows of a
 * block are query after query, and of each the heads, so that a panel of keys serves them all. Keys
 * and values lie in two places: a sequence's prefix, then its own. Strides are in bytes.
 */
import { log4 } from "../math.wasm";
import { AttentionArgs, MAX_ROWS, SCRATCH_BYTES } from "./args.wasm";
import { addTransposed, dots, PANEL_SCRATCH, visible, weightedSums } from "./products.wasm";
import { exponentials, finishScores, finishScoresAfter, zero } from "./softmax.wasm";

/** A head's keys or values, or their gradients, from the first that a block looks at. */
@unmanaged
export class Keys {
  prefix: usize;
  prefixStride: usize;
  own: usize;
  ownStride: usize;
}

/** Scratch: what the products use, a number of each row, two of Keys, then queries and scores. */
export const SUMS_AT: usize = PANEL_SCRATCH;
export const KEYS_AT: usize = SUMS_AT + (<usize>MAX_ROWS << 2);
export const VALUES_AT: usize = KEYS_AT + 16;
export const ROWS_AT: usize = KEYS_AT + 64;
/** Bytes of the scratch memory that are left for queries and scores. */
export const ROWS_BYTES: usize = <usize>SCRATCH_BYTES - ROWS_AT;

/** Keys that are passed over are a multiple of this, so that vectors of them stay the same. */
const ALIGNMENT: i32 = 32;

/** Keys before the first that any query of a block sees, of which the first query sees `first`. */
// @ts-ignore: decorator
@inline
export function passedOver(first: i32, window: i32): i32 {
  return window ? max(0, first - window) & -ALIGNMENT : 0;
}

/** The most keys that rows of at most MAX_ROWS queries look at. */
// @ts-ignore: decorator
@inline
export function mostSeen(keys: i32, window: i32): i32 {
  return window ? min(keys, window + MAX_ROWS + ALIGNMENT) : keys;
}

/** Moves to the key at `start`, where `before` are the prefix's. */
export function seek(
  keys: Keys,
  prefix: usize, prefixStride: usize,
  own: usize, ownStride: usize,
  before: i32, start: i32,
): void {
  keys.prefix = prefix + <usize>start * prefixStride;
  keys.prefixStride = prefixStride;
  keys.own = own + <usize>max(0, start - before) * ownStride;
  keys.ownStride = ownStride;
}

/** Rows of the next step when `left` of `row` … are left: whole queries, or heads of a single one. */
// @ts-ignore: decorator
@inline
export function stepRows(step: i32, row: i32, left: i32, group: i32): i32 {
  if (group == 1) return min(step, left);
  return step < group ? min(step, group - row % group) : min(step - step % group, left);
}

/** The products of {@linkcode dots} with the `split` keys of the prefix, then with the others. */
export function scores(
  x: usize, xStride: usize, rows: i32,
  y: Keys, split: i32, keys: i32,
  width: i32, out: usize, outStride: usize,
  first: i32, causal: i32, perQuery: i32, wide: i32, scratch: usize,
): void {
  // The columns beyond the prefix that this overwrites are written afterwards.
  if (split > 0) {
    dots(
      x, xStride, rows, y.prefix, y.prefixStride, min(split, keys), width,
      out, outStride, first, causal, perQuery, wide, scratch,
    );
  }
  if (split < keys) {
    dots(
      x, xStride, rows, y.own, y.ownStride, keys - split, width,
      out + (<usize>split << 2), outStride, first - split, causal, perQuery, wide, scratch,
    );
  }
}

/** The sums of {@linkcode weightedSums} over the `split` keys of the prefix, then over the others. */
export function sums(
  out: usize, outStride: usize, rows: i32,
  w: usize, wStride: usize,
  x: Keys, split: i32, keys: i32,
  width: i32, accumulate: i32,
  first: i32, causal: i32, perQuery: i32, wide: i32, scratch: usize,
): void {
  const before = min(split, keys);
  if (before > 0) {
    weightedSums(
      out, outStride, rows, w, wStride, x.prefix, x.prefixStride, before,
      width, accumulate, first, causal, perQuery, wide, scratch,
    );
    if (before == keys) return;
  }
  weightedSums(
    out, outStride, rows, w + (<usize>before << 2), wStride, x.own, x.ownStride, keys - before,
    width, accumulate | before, first - before, causal, perQuery, wide, scratch,
  );
}

/** {@linkcode addTransposed} to the `split` keys of the prefix and to the others, where wanted. */
export function addToKeys(
  out: Keys, toPrefix: bool, toOwn: bool, split: i32, keys: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, rows: i32,
  width: i32, first: i32, causal: i32, perQuery: i32, wide: i32, scratch: usize,
): void {
  if (toPrefix && split > 0) {
    addTransposed(
      out.prefix, out.prefixStride, min(split, keys), w, wStride, x, xStride, rows,
      width, first, causal, perQuery, wide, scratch,
    );
  }
  if (toOwn && split < keys) {
    addTransposed(
      out.own, out.ownStride, keys - split, w + (<usize>split << 2), wStride, x, xStride, rows,
      width, first - split, causal, perQuery, wide, scratch,
    );
  }
}

/** Copies `rows` rows of `width` f32. */
export function copyRows(
  to: usize, toStride: usize, from: usize, fromStride: usize, rows: i32, width: i32,
): void {
  const whole = <usize>(width & ~3) << 2;
  const end = <usize>width << 2;
  for (; rows > 0; rows--) {
    for (let at: usize = 0; at < whole; at += 16) v128.store(to + at, v128.load(from + at));
    for (let at = whole; at < end; at += 4) store<f32>(to + at, load<f32>(from + at));
    to += toStride, from += fromStride;
  }
}

/** Bytes from row to row of scores: a multiple of 16, and one more panel's where there is a prefix. */
// @ts-ignore: decorator
@inline
export function scoresStride(keys: i32, split: i32): usize {
  // An odd number of cache lines, so that rows do not fall into the same few sets of the cache.
  return (<usize>((keys + (split > 0 ? 31 : 15)) & ~15) << 2) | 64;
}

/** Address of a head's bias of key 0 for the query at `position`. */
// @ts-ignore: decorator
@inline
export function biasRow(bias: usize, head: i32, reach: i32, position: i32): usize {
  return bias + (<usize>(head * (2 * reach + 1) + reach - position) << 2);
}

/** The first key that a query sees, of which the query at its position would see `end`. */
// @ts-ignore: decorator
@inline
export function firstSeen(end: i32, window: i32): i32 {
  return window ? max(0, end - window) : 0;
}

/**
 * Turns the products q · k of a row into probabilities times their sum, and returns 1 / that sum, 0 for
 * a row without keys.
 *
 * @param keys number of keys there, of which the row would see those before `end` if causal
 * @param limit number of keys that other rows of its tile may see, for which it gets 0
 * @param lse where to put the log-sum-exp; 0 for nowhere
 */
export function finishRow(
  args: AttentionArgs, s: usize, head: i32, end: i32, keys: i32, limit: i32, lse: usize,
): f32 {
  const n = args.causal ? max(0, min(keys, end)) : keys;
  const unseen = firstSeen(end, args.window);
  const whole = unseen & ~3;
  const from = <usize>whole << 2;
  if (unseen) zero(s, s + from);
  const bias = args.bias ? biasRow(args.bias, head, args.reach, end - 1) + from : 0;
  const scale = args.scale;
  const highest = unseen > whole
    ? finishScoresAfter(unseen - whole, s + from, n - whole, scale, bias)
    : finishScores(s + from, n - whole, scale, bias);
  const sum = exponentials(s + from, n - whole, limit - whole, highest);
  if (lse) {
    const log = n > 0 ? highest + f32x4.extract_lane(log4(f32x4.splat(sum)), 0) : -Infinity;
    store<f32>(lse, log);
  }
  return n > 0 ? 1 / sum : 0;
}

/** x = x · factor for `width` f32. */
export function multiply(x: usize, width: i32, factor: f32): void {
  const factor4 = f32x4.splat(factor);
  const whole = <usize>(width & ~3) << 2;
  for (let j: usize = 0; j < whole; j += 16) {
    v128.store(x + j, f32x4.mul(v128.load(x + j), factor4));
  }
  for (let j = whole; j < <usize>width << 2; j += 4) store<f32>(x + j, load<f32>(x + j) * factor);
}
