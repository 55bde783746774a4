/** The gradients of attention, of one head of keys at a time: see heads.wasm.ts. */
import { AttentionBackwardArgs, MAX_ROWS } from "./args.wasm";
import { loadPart, sum4 } from "../simd.wasm";
import {
  addToKeys, biasRow, copyRows, firstSeen, Keys, KEYS_AT, mostSeen, multiply, passedOver,
  ROWS_AT, ROWS_BYTES, scores, scoresStride, seek, stepRows, sums, VALUES_AT,
} from "./heads.wasm";
import { queryOf, visible } from "./products.wasm";
import { differentiateRow, zero } from "./softmax.wasm";

/** Scratch for the gradients of keys and values, in the room that heads.wasm.ts leaves for them. */
const KEY_GRADIENTS_AT: usize = KEYS_AT + 32;
const VALUE_GRADIENTS_AT: usize = KEYS_AT + 48;

/**
 * dq, dk, dv, the prefix's dk and dv, and each sequence's part of dbias; items are (group of sequences
 * with one prefix, key head), and a group's sequences add to the prefix in order.
 */
export function attention_backward(args: AttentionBackwardArgs, task: i32, scratch: usize): void {
  const perTask = args.perTask;
  const end = min((task + 1) * perTask, args.items);
  const keyHeads = args.keyHeads;
  for (let item = task * perTask; item < end; item++) {
    const keyHead = item % keyHeads;
    const group = item / keyHeads;
    if (!args.order) {
      differentiateHead(args, group, keyHead, scratch);
      continue;
    }
    const at = args.groupStarts + (<usize>group << 2);
    const next = load<i32>(at + 4);
    for (let i = load<i32>(at); i < next; i++) {
      const sequence = load<i32>(args.order + (<usize>i << 2));
      differentiateHead(args, sequence, keyHead, scratch);
    }
  }
}

function differentiateHead(
  args: AttentionBackwardArgs, sequenceIndex: i32, keyHead: i32, scratch: usize,
): void {
  const heads = args.heads;
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
  const reach = args.reach;
  const accumulateQ = args.accumulateQ;
  const wide = args.wide;
  const scale = args.scale;
  const group = heads / args.keyHeads;
  const head = keyHead * group;
  const sequence = <usize>sequenceIndex << 2;
  const queryRow = load<i32>(args.queryStarts + sequence);
  const queries = load<i32>(args.queryLengths + sequence);
  const keyRow = <usize>load<i32>(args.keyStarts + sequence);
  const ownKeys = load<i32>(args.keyLengths + sequence);
  const hasPrefix = args.prefixLengths != 0;
  const before = hasPrefix ? load<i32>(args.prefixLengths + sequence) : 0;
  const prefixRow = hasPrefix ? <usize>load<i32>(args.prefixStarts + sequence) : 0;
  const keys = before + ownKeys;
  const keyHeadAt = <usize>keyHead * headBytes;
  const kAt = keyRow * kStride + keyHeadAt;
  const vAt = keyRow * vStride + keyHeadAt;
  const prefixKAt = prefixRow * prefixKStride + keyHeadAt;
  const prefixVAt = prefixRow * prefixVStride + keyHeadAt;
  const lse = args.lse;
  const dk = args.dk ? args.dk + kAt : 0;
  const dv = args.dv ? args.dv + vAt : 0;
  const dPrefixK = args.dPrefixK ? args.dPrefixK + prefixKAt : 0;
  const dPrefixV = args.dPrefixV ? args.dPrefixV + prefixVAt : 0;
  if (dk != 0 && !args.accumulateK) zeroRows(dk, kStride, ownKeys, width);
  if (dv != 0 && !args.accumulateV) zeroRows(dv, vStride, ownKeys, width);
  let dbias = args.dBias;
  if (dbias) {
    const length = 2 * reach + 1;
    dbias += <usize>((sequenceIndex * heads + head) * length) << 2;
    memory.fill(dbias, 0, <usize>(length * group) << 2);
  }
  const seenKeys = changetype<Keys>(scratch + KEYS_AT);
  const seenValues = changetype<Keys>(scratch + VALUES_AT);
  const keyGradients = changetype<Keys>(scratch + KEY_GRADIENTS_AT);
  const valueGradients = changetype<Keys>(scratch + VALUE_GRADIENTS_AT);

  const allRows = queries * group;
  const packs = group > 1 && queries > 1;
  const stride0 = scoresStride(mostSeen(keys, window), before);
  const rowBytes = 2 * stride0 + (packs ? 3 * headBytes : 0);
  const step = min(MAX_ROWS, <i32>(ROWS_BYTES / rowBytes));
  const p = scratch + ROWS_AT;
  const ds = p + <usize>step * stride0;
  const packedQ = ds + <usize>step * stride0;
  const packedOut = packedQ + <usize>step * headBytes;
  const packedDq = packedOut + <usize>step * headBytes;
  for (let row = 0; row < allRows;) {
    const rows = stepRows(step, row, allRows - row, group);
    const perQuery = min(rows, group);
    const query = queryOf(row, group);
    // Keys that the first query would see.
    const far = keys - queries + query + 1;
    const start = passedOver(far, window);
    const first = far - start;
    const split = max(0, before - start);
    const limit = visible(rows - 1, first, keys - start, causal, perQuery);
    const stride = scoresStride(limit, split);
    seek(
      seenKeys, args.prefixK + prefixKAt, prefixKStride, args.k + kAt, kStride, before, start,
    );
    seek(
      seenValues, args.prefixV + prefixVAt, prefixVStride, args.v + vAt, vStride, before, start,
    );
    const firstHead = row - query * group;
    const headAt = <usize>(head + firstHead) * headBytes;
    const qAt = <usize>(queryRow + query) * qStride + headAt;
    const oAt = <usize>(queryRow + query) * oStride + headAt;
    // Rows of several queries are copied where each has several heads.
    const copies = rows > perQuery && group > 1;
    const groupWidth = group * width;
    const groupBytes = <usize>groupWidth << 2;
    const wholeQueries = queryOf(rows, group);
    if (copies) {
      copyRows(packedQ, groupBytes, args.q + qAt, qStride, wholeQueries, groupWidth);
      copyRows(packedOut, groupBytes, args.dOut + oAt, oStride, wholeQueries, groupWidth);
    }
    const q = copies ? packedQ : args.q + qAt;
    const dOut = copies ? packedOut : args.dOut + oAt;
    const qRowStride = group == 1 ? qStride : headBytes;
    const oRowStride = group == 1 ? oStride : headBytes;
    scores(
      q, qRowStride, rows, seenKeys, split, limit, width, p, stride,
      first, causal, perQuery, wide, scratch,
    );
    scores(
      dOut, oRowStride, rows, seenValues, split, limit, width, ds, stride,
      first, causal, perQuery, wide, scratch,
    );
    let rowHead = firstHead;
    let ahead = 0;
    for (let i = 0; i < rows; i++) {
      const end = first + ahead;
      const n = causal ? max(0, min(keys - start, end)) : keys - start;
      const unseen = firstSeen(end, window);
      const whole = unseen & ~3;
      const from = <usize>whole << 2;
      const pRow = p + <usize>i * stride;
      const dsRow = ds + <usize>i * stride;
      // A row without keys has no log-sum-exp, and nothing to subtract it from.
      const lseRow = queryRow + query + ahead;
      const log = load<f32>(lse + (<usize>(lseRow * heads + head + rowHead) << 2));
      // Σ p dp = do · o
      const o = args.o + <usize>lseRow * oStride + <usize>(head + rowHead) * headBytes;
      const mean = dot(dOut + <usize>i * oRowStride, o, width);
      const bias = args.bias ? biasRow(args.bias, head + rowHead, reach, end - 1) : 0;
      differentiateRow(
        pRow + from, dsRow + from, n - whole, limit - whole, scale, bias ? bias + from : 0,
        log, mean,
      );
      if (unseen) forget(pRow, dsRow, unseen);
      if (dbias) add(biasRow(dbias, rowHead, reach, end - 1), dsRow, n);
      if (scale != 1) multiply(dsRow, n, scale);
      if (++rowHead < group) continue;
      rowHead = 0;
      ahead++;
    }
    if (dv != 0 || dPrefixV != 0) {
      seek(valueGradients, dPrefixV, prefixVStride, dv, vStride, before, start);
      addToKeys(
        valueGradients, dPrefixV != 0, dv != 0, split, limit, p, stride, dOut, oRowStride, rows,
        width, first, causal, perQuery, wide, scratch,
      );
    }
    if (dk != 0 || dPrefixK != 0) {
      seek(keyGradients, dPrefixK, prefixKStride, dk, kStride, before, start);
      addToKeys(
        keyGradients, dPrefixK != 0, dk != 0, split, limit, ds, stride, q, qRowStride, rows,
        width, first, causal, perQuery, wide, scratch,
      );
    }
    if (args.dq) {
      const dq = args.dq + qAt;
      if (copies && accumulateQ != 0) copyRows(packedDq, groupBytes, dq, qStride, wholeQueries, groupWidth);
      sums(
        copies ? packedDq : dq, qRowStride, rows, ds, stride, seenKeys, split, limit,
        width, accumulateQ, first, causal, perQuery, wide, scratch,
      );
      if (copies) copyRows(dq, qStride, packedDq, groupBytes, wholeQueries, groupWidth);
    }
    row += rows;
  }
}

/** Sets the first `unseen` of a row of probabilities and of one of their gradients to 0. */
function forget(p: usize, ds: usize, unseen: i32): void {
  const whole = <usize>(unseen & ~3) << 2;
  zero(p, p + whole);
  zero(ds, ds + whole);
  for (let at = whole; at < <usize>unseen << 2; at += 4) {
    store<f32>(p + at, 0);
    store<f32>(ds + at, 0);
  }
}

function add(to: usize, from: usize, n: i32): void {
  for (let j: usize = 0; j < <usize>n << 2; j += 4) {
    store<f32>(to + j, load<f32>(to + j) + load<f32>(from + j));
  }
}

function dot(x: usize, y: usize, width: i32): f32 {
  let sum = f32x4.splat(0);
  const whole = <usize>(width & ~3) << 2;
  for (let d: usize = 0; d < whole; d += 16) {
    sum = f32x4.relaxed_madd(v128.load(x + d), v128.load(y + d), sum);
  }
  const rest = width & 3;
  if (rest) {
    sum = f32x4.relaxed_madd(loadPart(x + whole, rest), loadPart(y + whole, rest), sum);
  }
  return sum4(sum);
}

function zeroRows(x: usize, stride: usize, rows: i32, width: i32): void {
  for (let i = 0; i < rows; i++) {
    const end = x + (<usize>width << 2);
    let at = x;
    for (; at + 16 <= end; at += 16) v128.store(at, f32x4.splat(0));
    for (; at < end; at += 4) store<f32>(at, 0);
    x += stride;
  }
}
