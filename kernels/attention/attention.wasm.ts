import { AttentionArgs, AttentionBiasReduceArgs, MAX_ROWS } from "./args.wasm";
import {
  copyRows, finishRow, Keys, KEYS_AT, mostSeen, multiply, passedOver,
  ROWS_AT, ROWS_BYTES, scores, scoresStride, seek, stepRows, sums, SUMS_AT, VALUES_AT,
} from "./heads.wasm";
import { dotsOfFew } from "../dots.wasm";
import { PANEL_HEADS, sumsOfFew } from "./few_rows.wasm";
import { queryOf, visible } from "./products.wasm";
import { attendTogether, sharing } from "./together.wasm";

export { attention_backward } from "./backward.wasm";

/** Rows from which on keys are better copied into panels; fewer read them where they are, one by one. */
const PANEL_ROWS: i32 = 4;

/**
 * o = softmax(scale · q kᵀ + bias) v and its log-sum-exp; items are (block of sequences, key head,
 * block of queries).
 */
export function attention(args: AttentionArgs, task: i32, scratch: usize): void {
  const perTask = args.perTask;
  const blocks = args.blocks;
  const keyHeads = args.keyHeads;
  const blockSequences = args.blockSequences;
  const end = min((task + 1) * perTask, args.items);
  for (let item = task * perTask; item < end; item++) {
    const block = item % blocks;
    const keyHead = item / blocks % keyHeads;
    const begin = item / blocks / keyHeads * blockSequences;
    const last = min(begin + blockSequences, args.sequences);
    for (let sequence = begin; sequence < last;) {
      const count = sharing(args, sequence, last);
      if (count > 1) attendTogether(args, sequence, count, keyHead, scratch);
      else attendBlock(args, sequence, keyHead, block, scratch);
      sequence += count;
    }
  }
}

function attendBlock(
  args: AttentionArgs, index: i32, keyHead: i32, block: i32, scratch: usize,
): void {
  const heads = args.heads;
  const keyHeads = args.keyHeads;
  const width = args.headSize;
  const headBytes = <usize>width << 2;
  const qStride = <usize>args.qStride << 2;
  const kStride = <usize>args.kStride << 2;
  const vStride = <usize>args.vStride << 2;
  const prefixKStride = <usize>args.prefixKStride << 2;
  const prefixVStride = <usize>args.prefixVStride << 2;
  const oStride = <usize>heads * headBytes;
  const causal = args.causal;
  const window = args.window;
  const wide = args.wide;
  const group = heads / keyHeads;
  const head = keyHead * group;
  const sequence = <usize>index << 2;
  const begin = block * args.blockQueries;
  const queries = load<i32>(args.queryLengths + sequence);
  if (begin >= queries) return;
  const end = min(begin + args.blockQueries, queries);
  const queryRow = load<i32>(args.queryStarts + sequence) + begin;
  const keyRow = <usize>load<i32>(args.keyStarts + sequence);
  const hasPrefix = args.prefixLengths != 0;
  const before = hasPrefix ? load<i32>(args.prefixLengths + sequence) : 0;
  const prefixRow = hasPrefix ? <usize>load<i32>(args.prefixStarts + sequence) : 0;
  const keys = before + load<i32>(args.keyLengths + sequence);
  const keyHeadAt = <usize>keyHead * headBytes;
  const k = args.k + keyRow * kStride + keyHeadAt;
  const v = args.v + keyRow * vStride + keyHeadAt;
  const prefixK = args.prefixK + prefixRow * prefixKStride + keyHeadAt;
  const prefixV = args.prefixV + prefixRow * prefixVStride + keyHeadAt;
  const q = args.q + <usize>queryRow * qStride + <usize>head * headBytes;
  const o = args.o + <usize>queryRow * oStride + <usize>head * headBytes;
  const lse = args.lse;
  const seenKeys = changetype<Keys>(scratch + KEYS_AT);
  const seenValues = changetype<Keys>(scratch + VALUES_AT);
  const inverses = scratch + SUMS_AT;

  const allRows = (end - begin) * group;
  const packs = group > 1 && end - begin > 1;
  const seen = mostSeen(keys, window);
  const rowBytes = scoresStride(seen, before) + (packs ? headBytes : 0);
  const few = end - begin == 1 && group > 1 && group < PANEL_HEADS && !wide;
  const step = allRows < PANEL_ROWS && !few ? 1 : min(MAX_ROWS, <i32>(ROWS_BYTES / rowBytes));
  const packed = scratch + ROWS_AT;
  const s = packs ? packed + (<usize>step * headBytes + 63 & ~63) : packed;
  for (let row = 0; row < allRows;) {
    const rows = stepRows(step, row, allRows - row, group);
    const perQuery = min(rows, group);
    const query = queryOf(row, group);
    // Keys that the first query would see.
    const far = keys - queries + begin + query + 1;
    const start = passedOver(far, window);
    const first = far - start;
    const split = max(0, before - start);
    const limit = visible(rows - 1, first, keys - start, causal, perQuery);
    const stride = scoresStride(limit, split);
    seek(seenKeys, prefixK, prefixKStride, k, kStride, before, start);
    seek(seenValues, prefixV, prefixVStride, v, vStride, before, start);
    const firstHead = row - query * group;
    const headAt = <usize>firstHead * headBytes;
    const qAt = q + <usize>query * qStride + headAt;
    const oAt = o + <usize>query * oStride + headAt;
    // Rows of several queries are copied where each has several heads.
    const copies = rows > perQuery && group > 1;
    const to = copies ? packed : oAt;
    const toStride = group == 1 ? oStride : headBytes;
    const direct = few || rows == 1;
    const ahead = min(split, limit);
    if (direct) {
      const own = s + (<usize>ahead << 2);
      dotsOfFew(qAt, headBytes, rows, seenKeys.prefix, prefixKStride, ahead, width, s, stride);
      dotsOfFew(qAt, headBytes, rows, seenKeys.own, kStride, limit - ahead, width, own, stride);
    } else {
      const groupWidth = group * width;
      if (copies) copyRows(packed, <usize>groupWidth << 2, qAt, qStride, rows / group, groupWidth);
      scores(
        copies ? packed : qAt, group == 1 ? qStride : headBytes, rows, seenKeys, split, limit,
        width, s, stride, first, causal, perQuery, wide, scratch,
      );
    }
    let rowHead = head + firstHead;
    let past = 0;
    for (let i = 0; i < rows; i++) {
      const logAt = lse
        ? lse + (<usize>((queryRow + query + past) * heads + rowHead) << 2)
        : 0;
      const at = s + <usize>i * stride;
      const inverse = finishRow(args, at, rowHead, first + past, keys - start, limit, logAt);
      store<f32>(inverses + (<usize>i << 2), inverse);
      if (++rowHead < head + group) continue;
      rowHead = head;
      past++;
    }
    if (direct) {
      if (ahead > 0) {
        sumsOfFew(
          to, headBytes, rows, s, stride, seenValues.prefix, prefixVStride, ahead, width, 0,
        );
      }
      sumsOfFew(
        to, headBytes, rows, s + (<usize>ahead << 2), stride, seenValues.own, vStride, limit - ahead,
        width, ahead,
      );
    } else {
      sums(
        to, toStride, rows, s, stride, seenValues, split, limit, width, 0,
        first, causal, perQuery, wide, scratch,
      );
    }
    for (let i = 0; i < rows; i++) {
      multiply(to + <usize>i * toStride, width, load<f32>(inverses + (<usize>i << 2)));
    }
    if (copies) {
      const groupWidth = group * width;
      copyRows(oAt, oStride, packed, <usize>groupWidth << 2, rows / group, groupWidth);
    }
    row += rows;
  }
}

/** dbias[i] (+)= Σ over sequences of partials[sequence][i], in order. */
export function attention_bias_reduce(args: AttentionBiasReduceArgs, task: i32, scratch: usize): void {
  const partials = args.partials;
  const dbias = args.dBias;
  const sequences = args.sequences;
  const length = <usize>args.length;
  const accumulate = args.accumulate;
  for (let i: usize = 0; i < length; i++) {
    let sum: f32 = accumulate ? load<f32>(dbias + (i << 2)) : 0;
    for (let s = 0; s < sequences; s++) sum += load<f32>(partials + ((<usize>s * length + i) << 2));
    store<f32>(dbias + (i << 2), sum);
  }
}
