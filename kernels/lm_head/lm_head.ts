import type { Device, Span } from "../../lib/device/device.ts";
import { EXPONENTIALS_TASK_ELEMENTS, rowsPerTask } from "../split.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import code from "./lm_head.wgsl" with { type: "text" };
import logSoftmax from "./log_softmax.wgsl" with { type: "text" };

const shader = wgsl("lm_head", code, logSoftmax);
const CHUNK = shader("log_softmax_chunk", 1);
const FINISH = shader("log_softmax_finish", 3);
const BACKWARD = shader("log_softmax_backward", 1);

/** Values that {@linkcode logSoftmaxChunk} keeps for a row. */
export const LOG_SOFTMAX_STATE = 4;

/**
 * Columns of a chunk. Training and decoding fold the same chunks, so that their sums are the same,
 * bit for bit.
 */
export const LOGITS_CHUNK = 4096;

/** Some columns of the logits of all rows, and which token each row is about. */
export interface LogitsChunk {
  /** f32 [rows, columns], rows `stride` elements apart. */
  readonly logits: Span;
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
  /** The chunk's first column within the vocabulary. */
  readonly columnStart: number;
  /** i32 [rows], token ids within the vocabulary. */
  readonly targets: Span;
}

/**
 * Folds a chunk of logits into the running log-softmax of each row, so that the whole
 * [rows, vocabulary] matrix is never in memory. Chunks are given in the order of their columns.
 *
 * @param state f32 [rows, LOG_SOFTMAX_STATE]
 * @param first whether this is the first chunk, which starts the state
 */
export function logSoftmaxChunk(
  device: Device,
  chunk: LogitsChunk,
  state: Span,
  first: boolean,
): void {
  const { logits, targets, rows, columns, stride, columnStart } = chunk;
  if (device.kind === "webgpu") {
    const ints = [rows, columns, stride, columnStart, Number(first)];
    return device.dispatch(CHUNK, rows, [state, logits, targets], ints);
  }
  const perTask = rowsPerTask(columns, EXPONENTIALS_TASK_ELEMENTS);
  const tasks = Math.ceil(rows / perTask);
  device.run("log_softmax_chunk", tasks, [logits, targets, state], [
    rows,
    columns,
    stride,
    columnStart,
    Number(first),
    perTask,
  ]);
}

/**
 * The results after the last chunk, each f32 [rows]: the log-probability of the row's target, the
 * entropy of the row's distribution, and the log-sum-exp of its logits for the backward pass.
 */
export function logSoftmaxFinish(
  device: Device,
  state: Span,
  rows: number,
  { logprobs, entropy, lse }: { logprobs: Span; entropy: Span; lse: Span },
): void {
  if (device.kind === "webgpu") {
    const spans = [logprobs, entropy, lse, state];
    return device.dispatch(FINISH, elementGroups(rows), spans, [rows]);
  }
  device.run("log_softmax_finish", 1, [state, logprobs, entropy, lse], [rows]);
}

/**
 * Turns a chunk of logits, in place, into the gradient of Σ logprobs · dLogprobs:
 * dLogprobs[row] · (onehot(target) - softmax).
 *
 * @param lse f32 [rows], from {@linkcode logSoftmaxFinish}
 * @param dLogprobs f32 [rows]
 */
export function logSoftmaxBackward(
  device: Device,
  chunk: LogitsChunk,
  lse: Span,
  dLogprobs: Span,
): void {
  const { logits, targets, rows, columns, stride, columnStart } = chunk;
  const spans = [logits, targets, lse, dLogprobs];
  if (device.kind === "webgpu") {
    return device.dispatch(BACKWARD, rows, spans, [rows, columns, stride, columnStart]);
  }
  const perTask = rowsPerTask(columns, EXPONENTIALS_TASK_ELEMENTS);
  const tasks = Math.ceil(rows / perTask);
  device.run("log_softmax_backward", tasks, spans, [
    rows,
    columns,
    stride,
    columnStart,
    perTask,
  ]);
}
