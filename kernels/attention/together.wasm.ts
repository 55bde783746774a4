/**
 * Attention of one new token of each of several sequences that see the same keys first: a group's
 * responses to one prompt. What they share is read once for all of them; every sum is in the order of
 * products.wasm.ts. Strides are in bytes.
 */
import { AttentionArgs, MAX_ROWS } from "./args.wasm";
import { dotsOfFew } from "../dots.wasm";
import { PANEL_HEADS, sumsOfFew } from "./few_rows.wasm";
import {
  copyRows, finishRow, multiply, passedOver, ROWS_AT, ROWS_BYTES, scoresStride, SUMS_AT,
} from "./heads.wasm";
import { dots, weightedSums } from "./products.wasm";

/**
 * Number of sequences from `sequence` on, before `end`, that {@linkcode attendTogether} takes: of one
 * query each, with the same prefix and as many keys of their own.
 */
export function sharing(args: AttentionArgs, sequence: i32, end: i32): i32 {
  if (end - sequence == 1) return 1;
  const at = <usize>sequence << 2;
  const before = load<i32>(args.prefixLengths + at);
  const own = load<i32>(args.keyLengths + at);
  const start = load<i32>(args.prefixStarts + at);
  const keys = before + own;
  // None where the window has passed the prefix.
  if (before <= passedOver(keys, args.window)) return 1;
  const group = args.heads / args.keyHeads;
  const rowBytes = scoresStride(keys, before) + (<usize>args.headSize << 2);
  const most = min(MAX_ROWS, <i32>((ROWS_BYTES - 64) / rowBytes)) / group;
  let count = 0;
  for (; count < most && sequence + count < end; count++) {
    const other = <usize>(sequence + count) << 2;
    if (
      load<i32>(args.queryLengths + other) != 1 || load<i32>(args.keyLengths + other) != own ||
      load<i32>(args.prefixStarts + other) != start ||
      load<i32>(args.prefixLengths + other) != before
    ) break;
  }
  return max(1, count);
}

/** The output of `count` sequences for the query heads of a key head: rows are those, by sequence. */
export function attendTogether(
  args: AttentionArgs, sequence: i32, count: i32, keyHead: i32, scratch: usize,
): void {
  const heads = args.heads;
  const width = args.headSize;
  const wide = args.wide;
  const headBytes = <usize>width << 2;
  const group = heads / args.keyHeads;
  const head = keyHead * group;
  const groupWidth = group * width;
  const groupBytes = <usize>groupWidth << 2;
  const at = <usize>sequence << 2;
  const keyHeadAt = <usize>keyHead * headBytes;
  const headAt = <usize>head * headBytes;
  const qStride = <usize>args.qStride << 2;
  const kStride = <usize>args.kStride << 2;
  const vStride = <usize>args.vStride << 2;
  const oStride = <usize>heads * headBytes;
  const before = load<i32>(args.prefixLengths + at);
  const own = load<i32>(args.keyLengths + at);
  const start = passedOver(before + own, args.window);
  const limit = before + own - start;
  const shared = before - start;
  const row = <usize>(load<i32>(args.prefixStarts + at) + start);
  const prefixKStride = <usize>args.prefixKStride << 2;
  const prefixVStride = <usize>args.prefixVStride << 2;
  const prefixK = args.prefixK + row * prefixKStride + keyHeadAt;
  const prefixV = args.prefixV + row * prefixVStride + keyHeadAt;

  const rows = count * group;
  const few = rows < PANEL_HEADS && !wide;
  const stride = scoresStride(limit, shared);
  const inverses = scratch + SUMS_AT;
  const packed = scratch + ROWS_AT;
  const s = packed + (<usize>rows * headBytes + 63 & ~63);
  for (let i = 0; i < count; i++) {
    const query = <usize>load<i32>(args.queryStarts + at + (<usize>i << 2));
    const from = args.q + query * qStride + headAt;
    copyRows(packed + <usize>i * groupBytes, groupBytes, from, qStride, 1, groupWidth);
  }
  if (few) dotsOfFew(packed, headBytes, rows, prefixK, prefixKStride, shared, width, s, stride);
  else {
    dots(
      packed, headBytes, rows, prefixK, prefixKStride, shared, width, s, stride,
      limit, 0, group, wide, scratch,
    );
  }
  // Columns of `s` that this overwrites are those of the keys of their own, which are next.
  for (let i = 0; i < count; i++) {
    const first = <usize>i * <usize>group;
    const sequenceAt = at + (<usize>i << 2);
    if (own > 0) {
      const keyRow = <usize>load<i32>(args.keyStarts + sequenceAt);
      const k = args.k + keyRow * kStride + keyHeadAt;
      const to = s + first * stride + (<usize>shared << 2);
      dotsOfFew(packed + first * headBytes, headBytes, group, k, kStride, own, width, to, stride);
    }
    const query = load<i32>(args.queryStarts + sequenceAt);
    for (let j = 0; j < group; j++) {
      const lse = args.lse ? args.lse + (<usize>(query * heads + head + j) << 2) : 0;
      const to = s + (first + <usize>j) * stride;
      const inverse = finishRow(args, to, head + j, limit, limit, limit, lse);
      store<f32>(inverses + (first + <usize>j << 2), inverse);
    }
  }
  // The queries are no longer needed.
  if (few) {
    sumsOfFew(packed, headBytes, rows, s, stride, prefixV, prefixVStride, shared, width, 0);
  } else {
    weightedSums(
      packed, headBytes, rows, s, stride, prefixV, prefixVStride, shared, width, 0,
      limit, 0, group, wide, scratch,
    );
  }
  for (let i = 0; i < count; i++) {
    const first = <usize>i * <usize>group;
    const sequenceAt = at + (<usize>i << 2);
    const sums = packed + first * headBytes;
    if (own > 0) {
      const keyRow = <usize>load<i32>(args.keyStarts + sequenceAt);
      const v = args.v + keyRow * vStride + keyHeadAt;
      const weights = s + first * stride + (<usize>shared << 2);
      sumsOfFew(sums, headBytes, group, weights, stride, v, vStride, own, width, 1);
    }
    for (let j = 0; j < group; j++) {
      const inverse = load<f32>(inverses + (first + <usize>j << 2));
      multiply(sums + <usize>j * headBytes, width, inverse);
    }
    const query = <usize>load<i32>(args.queryStarts + sequenceAt);
    copyRows(args.o + query * oStride + headAt, oStride, sums, groupBytes, 1, groupWidth);
  }
}
