import { logSoftmaxChunk, logSoftmaxFinish } from "../../kernels/lm_head/lm_head.ts";
import { LOG_SOFTMAX_STATE, LOGITS_CHUNK } from "../../kernels/lm_head/signatures.ts";
import {
  drawsLogprobs,
  greedy,
  type NextTokenLogits,
  sample,
  type SampleOptions,
} from "../../kernels/sample/sample.ts";
import type { Span } from "../device/device.ts";
import type { Context } from "../tensor/context.ts";

/**
 * Takes the next token of each row and computes its logprob, in one launch where the device can.
 *
 * @param drawing settings of drawing; null for the most likely token
 * @param tokens i32 [rows]; -1 where the logits are no distribution
 * @param logprobs f32 [rows], log_softmax(logits) at the tokens; null when not asked for
 */
export function nextTokens(
  cx: Context,
  input: NextTokenLogits,
  drawing: SampleOptions | null,
  tokens: Span,
  logprobs: Span | null,
): void {
  const { device } = cx;
  const together = drawsLogprobs(device);
  const extras = together ? { logprobs } : {};
  if (drawing) sample(device, input, drawing, tokens, extras);
  else greedy(device, input, tokens, extras);
  if (logprobs && !together) tokenLogprobs(cx, input, tokens, logprobs);
}

function tokenLogprobs(
  cx: Context,
  { logits, rows, vocabulary }: NextTokenLogits,
  targets: Span,
  logprobs: Span,
): void {
  const state = cx.empty([rows, LOG_SOFTMAX_STATE]);
  for (let columnStart = 0; columnStart < vocabulary; columnStart += LOGITS_CHUNK) {
    const columns = Math.min(LOGITS_CHUNK, vocabulary - columnStart);
    const chunk = { buffer: logits.buffer, byteOffset: logits.byteOffset + columnStart * 4 };
    const piece = { logits: chunk, rows, columns, stride: vocabulary, columnStart, targets };
    logSoftmaxChunk(cx.device, piece, state, columnStart === 0);
  }
  logSoftmaxFinish(cx.device, state, rows, {
    logprobs,
    entropy: cx.empty([rows]),
    lse: cx.empty([rows]),
  });
}
