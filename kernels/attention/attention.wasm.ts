import {
  AttentionArgs,
  AttentionBackwardArgs,
  AttentionBiasReduceArgs,
  MAX_ROWS,
  SCRATCH_BYTES,
} from "./args.wasm";
import { log4 } from "../math.wasm";
import { loadPart, sum4 } from "../simd.wasm";
import { dotsOfOne, sumOfOne } from "./one_query.wasm";
import { addTransposed, dots, PANEL_SCRATCH, visible, weightedSums } from "./products.wasm";
import { differentiateRow, exponentials, finishScores } from "./softmax.wasm";

/** Rows from which on keys are better copied into panels; fewer are attended to one by one. */
const PANEL_ROWS: i32 = 4;
/** Scratch: what the products use, then the sum of each row's exponentials, then scores. */
const SCORES_AT: usize = PANEL_SCRATCH + (<usize>MAX_ROWS << 2);
/** Bytes of the scratch memory that are left for scores. */
const SCORES_BYTES: usize = <usize>SCRATCH_BYTES - SCORES_AT;

/** o = softmax(scale · q kᵀ + bias) v and its log-sum-exp; items are (sequence, head, query block). */
export function attention(args: AttentionArgs, task: i32, scratch: usize): void {
  const perTask = args.perTask;
  const end = min((task + 1) * perTask, args.items);
  for (let item = task * perTask; item < end; item++) attendBlock(args, item, scratch);
}

function attendBlock(args: AttentionArgs, item: i32, scratch: usize): void {
  const heads = args.heads;
  const blocks = args.blocks;
  const width = args.headSize;
  const qStride = <usize>args.qStride << 2;
  const kStride = <usize>args.kStride << 2;
  const vStride = <usize>args.vStride << 2;
  const causal = args.causal;
  const reach = args.reach;
  const wide = args.wide;
  const scale = args.scale;
  const head = item / blocks % heads;
  const sequence = <usize>(item / blocks / heads) << 2;
  const queries = load<i32>(args.queryLengths + sequence);
  const begin = item % blocks * MAX_ROWS;
  if (begin >= queries) return;
  const queryRow = load<i32>(args.queryStarts + sequence);
  const keyRow = <usize>load<i32>(args.keyStarts + sequence);
  const keys = load<i32>(args.keyLengths + sequence);
  const headAt = <usize>(head * width) << 2;
  const oStride = <usize>(heads * width) << 2;
  const k = args.k + keyRow * kStride + headAt;
  const v = args.v + keyRow * vStride + headAt;
  const lse = args.lse;
  const bias = biasOf(args.bias, head, reach);
  const end = min(begin + MAX_ROWS, queries);
  const sums = scratch + PANEL_SCRATCH;
  const scores = scratch + SCORES_AT;
  const step = end - begin < PANEL_ROWS ? 1 : rowsThatFit(keys, SCORES_BYTES);
  for (let row = begin; row < end; row += step) {
    const rows = min(step, end - row);
    const first = keys - queries + row + 1;
    const limit = visible(rows - 1, first, keys, causal);
    const stride = scoresStride(limit);
    const q = args.q + <usize>(queryRow + row) * qStride + headAt;
    const o = args.o + <usize>(queryRow + row) * oStride + headAt;
    if (step == 1) dotsOfOne(q, k, kStride, limit, width, scores);
    else {
      dots(
        q, qStride, rows, k, kStride, limit, width, scores, stride, first, causal, wide, scratch,
      );
    }
    for (let i = 0; i < rows; i++) {
      const s = scores + <usize>i * stride;
      const n = visible(i, first, keys, causal);
      const highest = finishScores(s, n, scale, biasRow(bias, first + i - 1));
      const sum = exponentials(s, n, limit, highest);
      // A row without keys is 0.
      store<f32>(sums + (<usize>i << 2), n > 0 ? 1 / sum : 0);
      if (!lse) continue;
      const log = n > 0 ? highest + f32x4.extract_lane(log4(f32x4.splat(sum)), 0) : -Infinity;
      store<f32>(lse + (<usize>((queryRow + row + i) * heads + head) << 2), log);
    }
    if (step == 1) sumOfOne(o, scores, v, vStride, limit, width);
    else {
      weightedSums(
        o, oStride, rows, scores, stride, v, vStride, limit, width, 0, first, causal, wide, scratch,
      );
    }
    for (let i = 0; i < rows; i++) {
      multiply(o + <usize>i * oStride, width, load<f32>(sums + (<usize>i << 2)));
    }
  }
}

/** dq, dk, dv and each sequence's part of dbias; items are (sequence, head). */
export function attention_backward(args: AttentionBackwardArgs, task: i32, scratch: usize): void {
  const perTask = args.perTask;
  const end = min((task + 1) * perTask, args.items);
  for (let item = task * perTask; item < end; item++) differentiateHead(args, item, scratch);
}

function differentiateHead(args: AttentionBackwardArgs, item: i32, scratch: usize): void {
  const heads = args.heads;
  const width = args.headSize;
  const qStride = <usize>args.qStride << 2;
  const kStride = <usize>args.kStride << 2;
  const vStride = <usize>args.vStride << 2;
  const causal = args.causal;
  const reach = args.reach;
  const accumulateQ = args.accumulateQ;
  const wide = args.wide;
  const scale = args.scale;
  const head = item % heads;
  const sequence = <usize>(item / heads) << 2;
  const queryRow = load<i32>(args.queryStarts + sequence);
  const queries = load<i32>(args.queryLengths + sequence);
  const keyRow = <usize>load<i32>(args.keyStarts + sequence);
  const keys = load<i32>(args.keyLengths + sequence);
  const headAt = <usize>(head * width) << 2;
  const oStride = <usize>(heads * width) << 2;
  const k = args.k + keyRow * kStride + headAt;
  const v = args.v + keyRow * vStride + headAt;
  const lse = args.lse;
  const bias = biasOf(args.bias, head, reach);
  let dq = args.dq;
  let dk = args.dk;
  let dv = args.dv;
  if (dk) {
    dk += keyRow * kStride + headAt;
    if (!args.accumulateK) zeroRows(dk, kStride, keys, width);
  }
  if (dv) {
    dv += keyRow * vStride + headAt;
    if (!args.accumulateV) zeroRows(dv, vStride, keys, width);
  }
  let dbias = args.dBias;
  if (dbias) {
    const length = 2 * reach + 1;
    dbias += <usize>(item * length) << 2;
    memory.fill(dbias, 0, <usize>length << 2);
    dbias = biasOf(dbias, 0, reach);
  }

  const p = scratch + SCORES_AT;
  const ds = p + (SCORES_BYTES >> 1);
  const step = rowsThatFit(keys, SCORES_BYTES >> 1);
  for (let row = 0; row < queries; row += step) {
    const rows = min(step, queries - row);
    const first = keys - queries + row + 1;
    const limit = visible(rows - 1, first, keys, causal);
    const stride = scoresStride(limit);
    const q = args.q + <usize>(queryRow + row) * qStride + headAt;
    const oAt = <usize>(queryRow + row) * oStride + headAt;
    const o = args.o + oAt;
    const dOut = args.dOut + oAt;
    dots(q, qStride, rows, k, kStride, limit, width, p, stride, first, causal, wide, scratch);
    dots(dOut, oStride, rows, v, vStride, limit, width, ds, stride, first, causal, wide, scratch);
    for (let i = 0; i < rows; i++) {
      const dsRow = ds + <usize>i * stride;
      const n = visible(i, first, keys, causal);
      // A row without keys has no log-sum-exp, and nothing to subtract it from.
      const log = load<f32>(lse + (<usize>((queryRow + row + i) * heads + head) << 2));
      const at = <usize>i * oStride;
      // Σ p dp = do · o
      const mean = dot(dOut + at, o + at, width);
      const position = first + i - 1;
      differentiateRow(
        p + <usize>i * stride, dsRow, n, limit, scale, biasRow(bias, position), log, mean,
      );
      if (dbias) add(biasRow(dbias, position), dsRow, n);
      if (scale != 1) multiply(dsRow, n, scale);
    }
    if (dv) {
      addTransposed(
        dv, vStride, limit, p, stride, dOut, oStride, rows, width, first, causal, wide,
        scratch,
      );
    }
    if (dk) {
      addTransposed(
        dk, kStride, limit, ds, stride, q, qStride, rows, width, first, causal, wide, scratch,
      );
    }
    if (dq) {
      const to = dq + <usize>(queryRow + row) * qStride + headAt;
      weightedSums(
        to, qStride, rows, ds, stride, k, kStride, limit, width, accumulateQ, first, causal, wide, scratch,
      );
    }
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

/** Rows of scores that fit: at least one, as the launcher has checked. */
// @ts-ignore: decorator
@inline
function rowsThatFit(keys: i32, bytes: usize): i32 {
  return min(MAX_ROWS, <i32>(bytes / scoresStride(keys)));
}

/**
 * Bytes from row to row of scores: room for a multiple of 16, and an odd number of cache lines, so that the
 * rows do not fall into the same few sets of the cache.
 */
// @ts-ignore: decorator
@inline
function scoresStride(keys: i32): usize {
  return (<usize>((keys + 15) & ~15) << 2) | 64;
}

/** Address of a head's bias at distance 0; 0 when there is none. */
// @ts-ignore: decorator
@inline
function biasOf(bias: usize, head: i32, reach: i32): usize {
  return bias ? bias + (<usize>(head * (2 * reach + 1) + reach) << 2) : 0;
}

/** Address of the bias of key 0 for the query at `position`. */
// @ts-ignore: decorator
@inline
function biasRow(bias: usize, position: i32): usize {
  return bias ? bias - (<usize>position << 2) : 0;
}

function multiply(x: usize, width: i32, factor: f32): void {
  const factor4 = f32x4.splat(factor);
  const whole = <usize>(width & ~3) << 2;
  for (let j: usize = 0; j < whole; j += 16) {
    v128.store(x + j, f32x4.mul(v128.load(x + j), factor4));
  }
  for (let j = whole; j < <usize>width << 2; j += 4) store<f32>(x + j, load<f32>(x + j) * factor);
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
