import type { Device, Span } from "../../lib/device/device.ts";
import { UserError } from "../../lib/errors.ts";
import { attentionBackwardGpu, biasReduceShader, threadGroups } from "./attention_backward_gpu.ts";
import { attentionGpu } from "./attention_gpu.ts";
import {
  type Attention,
  type AttentionGradients,
  type GradientTarget,
  operandArguments,
} from "./operands.ts";
import { ATTENTION, ATTENTION_BACKWARD, ATTENTION_BIAS_REDUCE, MAX_ROWS } from "./signatures.ts";

/** The most keys a sequence may have: a row of scores and one of its gradient fit the scratch. */
const MAX_KEYS = 124_000;
/** Below this many multiply-adds a second thread does not pay for waking it. */
const SERIAL_WORK = 100_000;
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
  checkLengths(p);
  if (device.kind === "webgpu") return attentionGpu(device, p, o, lse);
  const blocks = Math.ceil(p.queries.maxLength / MAX_ROWS);
  const items = p.sequences * p.heads * blocks;
  const rows = Math.min(MAX_ROWS, p.queries.maxLength);
  const { tasks, perTask } = split(items, 2 * rows * p.keys.maxLength * p.headSize);
  const { wideVectors: wide } = device;
  const work = { items, blocks, perTask, wide, scale: p.scale };
  device.run(ATTENTION, tasks, { o, lse, ...operandArguments(p), ...work });
}

/** The gradients of {@linkcode attention}; the probabilities are computed again from `lse`. */
export function attentionBackward(device: Device, p: Attention, g: AttentionGradients): void {
  checkLengths(p);
  if (device.kind === "webgpu") return attentionBackwardGpu(device, p, g);
  const items = p.sequences * p.heads;
  const work = 5 * p.queries.maxLength * p.keys.maxLength * p.headSize;
  const { tasks, perTask } = split(items, work);
  const { dq, dk, dv } = g;
  device.run(ATTENTION_BACKWARD, tasks, {
    ...operandArguments(p),
    scale: p.scale,
    o: g.o,
    lse: g.lse,
    dOut: g.dOut,
    dq: dq?.into ?? null,
    dk: dk?.into ?? null,
    dv: dv?.into ?? null,
    dBias: g.dBiasPartials,
    items,
    perTask,
    accumulateQ: dq?.accumulate ?? false,
    accumulateK: dk?.accumulate ?? false,
    accumulateV: dv?.accumulate ?? false,
    wide: device.wideVectors,
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

function checkLengths(p: Attention): void {
  const longest = p.keys.maxLength;
  if (longest > MAX_KEYS) {
    throw new UserError(
      `a sequence of ${longest} tokens is too long: Temper's attention reads at most ${MAX_KEYS}; shorten the text`,
    );
  }
  if (p.bias && p.bias.reach < longest - 1) {
    throw new RangeError(
      `attention over ${longest} positions: the bias table reaches only ${p.bias.reach}`,
    );
  }
}
