import type { Device, Span } from "../../lib/device/device.ts";
import { EXPONENTIALS_TASK_ELEMENTS, rowsPerTask } from "../split.ts";
import { elementGroups, wgsl } from "../wgsl.ts";
import logSoftmax from "./log_softmax.wgsl" with { type: "text" };
import backwardCode from "./log_softmax_backward.wgsl" with { type: "text" };
import chunkCode from "./log_softmax_chunk.wgsl" with { type: "text" };
import finishCode from "./log_softmax_finish.wgsl" with { type: "text" };
import logprob from "./logprob.wgsl" with { type: "text" };
import { LOG_SOFTMAX_BACKWARD, LOG_SOFTMAX_CHUNK, LOG_SOFTMAX_FINISH } from "./signatures.ts";

const chunkShader = wgsl(LOG_SOFTMAX_CHUNK, "lm_head/log_softmax_chunk.wgsl", chunkCode, {
  shared: logSoftmax,
})();
const finishShader = wgsl(LOG_SOFTMAX_FINISH, "lm_head/log_softmax_finish.wgsl", finishCode, {
  shared: logprob,
})();
const backwardShader = wgsl(
  LOG_SOFTMAX_BACKWARD,
  "lm_head/log_softmax_backward.wgsl",
  backwardCode,
)();

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
  const { rows } = chunk;
  const perTask = rowsPerTask(chunk.columns, EXPONENTIALS_TASK_ELEMENTS);
  const args = { ...chunk, rowState: state, first, perTask };
  if (device.kind === "webgpu") device.dispatch(chunkShader, rows, args);
  else device.run(LOG_SOFTMAX_CHUNK, Math.ceil(rows / perTask), args);
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
  const args = { logprobs, entropy, lse, rowState: state, rows };
  if (device.kind === "webgpu") device.dispatch(finishShader, elementGroups(rows), args);
  else device.run(LOG_SOFTMAX_FINISH, 1, args);
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
  const { rows } = chunk;
  const perTask = rowsPerTask(chunk.columns, EXPONENTIALS_TASK_ELEMENTS);
  const args = { ...chunk, lse, dLogprobs, perTask };
  if (device.kind === "webgpu") device.dispatch(backwardShader, rows, args);
  else device.run(LOG_SOFTMAX_BACKWARD, Math.ceil(rows / perTask), args);
}
