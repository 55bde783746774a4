import type { Device, Span } from "../../lib/device/device.ts";
import { attentionBackwardGpu, biasReduceShader, threadGroups } from "./attention_backward_gpu.ts";
import { attentionGpu } from "./attention_gpu.ts";
import {
  type Attention,
  type AttentionGradients,
  checkShape,
  type GradientTarget,
  keyHeadsOf,
  mostKeys,
} from "./operands.ts";
import { ATTENTION, ATTENTION_BACKWARD, ATTENTION_BIAS_REDUCE, MAX_ROWS } from "./signatures.ts";

/** Below this many multiply-adds a second thread does not pay for waking it. */
const SERIAL_WORK = 100_000;
/** Items that each thread has at least where sequences are attended together. */
const THREAD_ITEMS = 3;
/** Multiply-adds a task should have. */
const TASK_WORK = 60_000;

/**
 * o = softmax(scale · q kᵀ + bias) v for each sequence and head. A query that sees no key gets 0.
 *
 * @param o f32 [queries, heads · headSize]
 * @param lse f32 [queries, heads], log-sum-exp of the scores, for the backward pass; or null. Not
 *   defined for a query that sees no key
 * @throws {UserError} when a sequence is too long
 * @throws {RangeError} when the bias table is too short for it
 */
export function attention(device: Device, p: Attention, o: Span, lse: Span | null): void {
  checkShape(p);
  if (device.kind === "webgpu") return attentionGpu(device, p, o, lse);
  const { queries, headSize, prefix } = p;
  const keyHeads = keyHeadsOf(p);
  // A block's rows are queries times the query heads of a key head.
  const queryHeads = p.heads / keyHeads;
  const blockQueries = Math.max(1, Math.floor(MAX_ROWS / queryHeads));
  const blocks = Math.ceil(queries.maxLength / blockQueries);
  const blockSequences = sequencesTogether(p, keyHeads, device.threads);
  const items = Math.ceil(p.sequences / blockSequences) * keyHeads * blocks;
  const rows = Math.min(blockQueries, queries.maxLength) * queryHeads * blockSequences;
  // No spread, which takes longer than all the rest of a launch.
  const { tasks, perTask } = split(items, 2 * rows * mostKeys(p) * headSize);
  device.run(ATTENTION, tasks, {
    o,
    lse,
    q: p.q,
    k: p.k,
    v: p.v,
    queryStarts: p.queries.starts,
    queryLengths: p.queries.lengths,
    keyStarts: p.keys.starts,
    keyLengths: p.keys.lengths,
    bias: p.bias?.table ?? null,
    prefixK: prefix?.k ?? null,
    prefixV: prefix?.v ?? null,
    prefixStarts: prefix?.rows.starts ?? null,
    prefixLengths: prefix?.rows.lengths ?? null,
    heads: p.heads,
    headSize: p.headSize,
    qStride: p.qStride,
    kStride: p.kStride,
    vStride: p.vStride,
    causal: p.causal,
    reach: p.bias?.reach ?? 0,
    keyHeads,
    prefixKStride: prefix?.kStride ?? 0,
    prefixVStride: prefix?.vStride ?? 0,
    window: p.window ?? 0,
    sequences: p.sequences,
    items,
    blockSequences,
    blocks,
    blockQueries,
    perTask,
    wide: device.wideVectors,
    scale: p.scale,
  });
}

/**
 * Sequences of an item: one, or in decoding several, so that a prefix that they share is read once.
 * Fewer where threads would have too few items to share.
 */
function sequencesTogether(
  { queries, sequences, heads, prefix }: Attention,
  keyHeads: number,
  threads: number,
): number {
  if (queries.maxLength !== 1 || sequences === 0 || !prefix?.rows.repeated) return 1;
  const most = Math.max(1, Math.floor(MAX_ROWS * keyHeads / heads));
  const blocks = Math.max(
    Math.ceil(sequences / most),
    Math.min(sequences, Math.ceil(THREAD_ITEMS * threads / keyHeads)),
  );
  return Math.ceil(sequences / blocks);
}

/** The gradients of {@linkcode attention}; the probabilities are computed again from `lse`. */
export function attentionBackward(device: Device, p: Attention, g: AttentionGradients): void {
  checkShape(p);
  if (device.kind === "webgpu") return attentionBackwardGpu(device, p, g);
  const { dq, dk, dv } = g;
  const { prefix } = p;
  const keyHeads = keyHeadsOf(p);
  const sharing = prefix?.sharing ?? null;
  const groups = sharing?.groups ?? p.sequences;
  const items = groups * keyHeads;
  const work = 5 * p.queries.maxLength * mostKeys(p) * p.headSize * p.heads * p.sequences;
  const { tasks, perTask } = split(items, work / items);
  device.run(ATTENTION_BACKWARD, tasks, {
    dq: dq?.into ?? null,
    dk: dk?.into ?? null,
    dv: dv?.into ?? null,
    dPrefixK: g.prefix?.dk ?? null,
    dPrefixV: g.prefix?.dv ?? null,
    dBias: g.dBiasPartials,
    q: p.q,
    k: p.k,
    v: p.v,
    queryStarts: p.queries.starts,
    queryLengths: p.queries.lengths,
    keyStarts: p.keys.starts,
    keyLengths: p.keys.lengths,
    bias: p.bias?.table ?? null,
    prefixK: prefix?.k ?? null,
    prefixV: prefix?.v ?? null,
    prefixStarts: prefix?.rows.starts ?? null,
    prefixLengths: prefix?.rows.lengths ?? null,
    order: sharing?.order ?? null,
    groupStarts: sharing?.starts ?? null,
    o: g.o,
    lse: g.lse,
    dOut: g.dOut,
    heads: p.heads,
    headSize: p.headSize,
    qStride: p.qStride,
    kStride: p.kStride,
    vStride: p.vStride,
    causal: p.causal,
    reach: p.bias?.reach ?? 0,
    keyHeads,
    prefixKStride: prefix?.kStride ?? 0,
    prefixVStride: prefix?.vStride ?? 0,
    window: p.window ?? 0,
    items,
    perTask,
    accumulateQ: dq?.accumulate ?? false,
    accumulateK: dk?.accumulate ?? false,
    accumulateV: dv?.accumulate ?? false,
    wide: device.wideVectors,
    scale: p.scale,
  });
}

/** dBias (+)= the sum over sequences of what {@linkcode attentionBackward} left in `partials`. */
export function reduceBiasPartials(
  device: Device,
  partials: Span,
  dBias: GradientTarget,
  sequences: number,
  length: number,
): void {
  const args = { dBias: dBias.into, partials, sequences, length, accumulate: dBias.accumulate };
  if (device.kind === "webgpu") device.dispatch(biasReduceShader, threadGroups(length), args);
  else device.run(ATTENTION_BIAS_REDUCE, 1, args);
}

function split(items: number, work: number): { tasks: number; perTask: number } {
  const perTask = items * work <= SERIAL_WORK
    ? items
    : Math.max(1, Math.min(items, Math.floor(TASK_WORK / work)));
  return { tasks: items === 0 ? 0 : Math.ceil(items / perTask), perTask };
}
