import type { Device, Span } from "../../lib/device/device.ts";
import { attentionBackwardGpu, reduceBiasPartialsGpu } from "./attention_backward_gpu.ts";
import { attentionGpu } from "./attention_gpu.ts";

/** Query rows of a forward task; mirrored in attention.wasm.ts as MAX_ROWS. */
const QUERY_BLOCK = 48;
/** The most keys a sequence may have: a row of scores and one of its gradient fit the scratch. */
const MAX_KEYS = 124_000;
/** Below this many multiply-adds a second thread does not pay for waking it. */
const SERIAL_WORK = 100_000;
/** Multiply-adds a task should have. */
const TASK_WORK = 60_000;

/** Rows of one side of the attention that belong together: sequence b owns starts[b] … + lengths[b] - 1. */
export interface AttentionRows {
  /** i32 [sequences] */
  readonly starts: Span;
  /** i32 [sequences] */
  readonly lengths: Span;
  /** The longest of the lengths, or more. */
  readonly maxLength: number;
}

/**
 * One attention over packed sequences. Query i of a sequence stands at position
 * `keys - queries + i`, so that one new token can look at a cache of all before it.
 */
export interface Attention {
  /** Queries f32 [·, heads · headSize]; rows are `qStride` elements apart. */
  readonly q: Span;
  /** Keys, laid out as q. */
  readonly k: Span;
  /** Values, laid out as q. */
  readonly v: Span;
  readonly qStride: number;
  readonly kStride: number;
  readonly vStride: number;
  readonly queries: AttentionRows;
  readonly keys: AttentionRows;
  readonly sequences: number;
  readonly heads: number;
  readonly headSize: number;
  /** Multiplies q · k: 1 in T5, 1/√headSize elsewhere. */
  readonly scale: number;
  /** A query sees no key after its own position. */
  readonly causal: boolean;
  /** Added to scores: f32 [heads, 2 · reach + 1] by key position - query position + reach. */
  readonly bias: { readonly table: Span; readonly reach: number } | null;
}

/** What {@linkcode attentionBackward} needs of the forward pass and where it puts the gradients. */
export interface AttentionGradients {
  /** The output, f32 [queries, heads · headSize]. */
  readonly o: Span;
  /** Log-sum-exp of the scores, f32 [queries, heads]. */
  readonly lse: Span;
  /** Gradient of the output, laid out as it. */
  readonly dOut: Span;
  /** Gradients laid out as q, k and v; null where none is wanted. */
  readonly dq: GradientTarget | null;
  readonly dk: GradientTarget | null;
  readonly dv: GradientTarget | null;
  /** Gradient of the bias for each sequence, f32 [sequences, heads, 2 · reach + 1], overwritten. */
  readonly dBiasPartials: Span | null;
}

/** A gradient to be overwritten or added to. */
export interface GradientTarget {
  readonly into: Span;
  readonly accumulate: boolean;
}

/**
 * o = softmax(scale · q kᵀ + bias) v for each sequence and head. A query that sees no key gets 0.
 *
 * @param o f32 [queries, heads · headSize]
 * @param lse f32 [queries, heads], log-sum-exp of the scores, for the backward pass; or null. Not
 *   defined for a query that sees no key
 * @throws {RangeError} when a sequence is too long or the bias table too short for it
 */
export function attention(device: Device, p: Attention, o: Span, lse: Span | null): void {
  checkLengths(p);
  if (device.kind === "webgpu") return attentionGpu(device, p, o, lse);
  const blocks = Math.ceil(p.queries.maxLength / QUERY_BLOCK);
  const items = p.sequences * p.heads * blocks;
  const rows = Math.min(QUERY_BLOCK, p.queries.maxLength);
  const { tasks, perTask } = split(items, 2 * rows * p.keys.maxLength * p.headSize);
  device.run(
    "attention",
    tasks,
    [...inputSpans(p), o, lse],
    [items, perTask, p.heads, blocks, ...inputInts(p), Number(device.wideVectors)],
    [p.scale],
  );
}

/** The gradients of {@linkcode attention}; the probabilities are computed again from `lse`. */
export function attentionBackward(device: Device, p: Attention, g: AttentionGradients): void {
  checkLengths(p);
  if (device.kind === "webgpu") return attentionBackwardGpu(device, p, g);
  const items = p.sequences * p.heads;
  const work = 5 * p.queries.maxLength * p.keys.maxLength * p.headSize;
  const { tasks, perTask } = split(items, work);
  const { dq, dk, dv } = g;
  device.run(
    "attention_backward",
    tasks,
    [
      ...inputSpans(p),
      g.o,
      g.lse,
      g.dOut,
      dq?.into ?? null,
      dk?.into ?? null,
      dv?.into ?? null,
      g.dBiasPartials,
    ],
    [
      items,
      perTask,
      p.heads,
      ...inputInts(p),
      Number(dq?.accumulate ?? 0),
      Number(dk?.accumulate ?? 0),
      Number(dv?.accumulate ?? 0),
      Number(device.wideVectors),
    ],
    [p.scale],
  );
}

/** dBias (+)= the sum over sequences of what {@linkcode attentionBackward} left in `partials`. */
export function reduceBiasPartials(
  device: Device,
  partials: Span,
  dBias: GradientTarget,
  sequences: number,
  length: number,
): void {
  if (device.kind === "webgpu") {
    return reduceBiasPartialsGpu(device, partials, dBias, sequences, length);
  }
  device.run("attention_bias_reduce", 1, [partials, dBias.into], [
    sequences,
    length,
    Number(dBias.accumulate),
  ]);
}

function inputSpans(p: Attention): (Span | null)[] {
  const { queries, keys } = p;
  return [
    p.q,
    p.k,
    p.v,
    queries.starts,
    queries.lengths,
    keys.starts,
    keys.lengths,
    p.bias?.table ?? null,
  ];
}

function inputInts(p: Attention): number[] {
  return [p.headSize, p.qStride, p.kStride, p.vStride, Number(p.causal), p.bias?.reach ?? 0];
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
    throw new RangeError(`attention over ${longest} positions: at most ${MAX_KEYS} are supported`);
  }
  if (p.bias && p.bias.reach < longest - 1) {
    throw new RangeError(
      `attention over ${longest} positions: the bias table reaches only ${p.bias.reach}`,
    );
  }
}
