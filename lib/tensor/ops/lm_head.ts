import {
  logSoftmaxBackward,
  logSoftmaxChunk,
  logSoftmaxFinish,
} from "../../../kernels/lm_head/lm_head.ts";
import { LOG_SOFTMAX_STATE, LOGITS_CHUNK } from "../../../kernels/lm_head/signatures.ts";
import { matmul } from "../../../kernels/matmul/matmul.ts";
import type { Span } from "../../device/device.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";
import { WeightMatrix } from "../weight.ts";

/** Logits are made for LOGITS_CHUNK tokens of the vocabulary at a time, and so many rows: 16 MiB. */
const CHUNK_ROWS = 1024;

/** Logprobs of given tokens, and the entropies of the distributions they come from. */
export interface TokenLogprobs {
  /** log p(target), f32 [M]; differentiable. */
  readonly logprobs: Tensor;
  /** Entropy of the distribution, nats, f32 [M]; not differentiable. */
  readonly entropy: Tensor;
  /**
   * Computes the mean of each row's logits over the vocabulary, f32 [M], not differentiable. A backward
   * pass frees what it reads.
   */
  meanLogits(): Tensor;
}

interface Chunk {
  /** Hidden states of the chunk's rows. */
  hidden: Tensor;
  /** LM head's rows for the chunk's tokens. */
  weight: WeightMatrix;
  row: number;
  column: number;
}

/**
 * log_softmax(hidden Wᵀ) at the targets, computed a chunk of the vocabulary at a time: the
 * [M, vocab] logits of a pass, its largest matrix by far, are never held, nor their gradient.
 *
 * @param hidden [M, d_model]
 * @param weight [vocab, d_model]
 * @param targets i32 [M], ids within the vocabulary
 */
export function lmHead(
  cx: Context,
  hidden: Tensor,
  weight: WeightMatrix,
  targets: Tensor,
): TokenLogprobs {
  const { device } = cx;
  const m = hidden.rows;
  const logprobs = cx.empty([m]);
  const entropy = cx.empty([m]);
  const lse = cx.empty([m]);
  const state = cx.empty([m, LOG_SOFTMAX_STATE]);
  const scratch = chunkScratch(cx, m, weight.rows);
  eachChunk(hidden, weight, (chunk) => {
    const { logits, rowTargets } = computeLogits(cx, chunk, scratch, targets);
    const rowState = state.slice(chunk.row, chunk.hidden.rows);
    logSoftmaxChunk(device, { ...logits, targets: rowTargets }, rowState, chunk.column === 0);
  });
  logSoftmaxFinish(device, state, m, { logprobs, entropy, lse });
  cx.free(state);
  cx.free(scratch);
  cx.record(logprobs, [hidden, weight.values], [hidden, targets, lse], (dLogprobs) => {
    const dHidden = cx.gradient(hidden);
    const dWeight = weight.values && cx.gradient(weight.values);
    const dLogits = chunkScratch(cx, m, weight.rows);
    eachChunk(hidden, weight, (chunk) => {
      const { row, column } = chunk;
      const count = chunk.hidden.rows;
      const { logits, rowTargets } = computeLogits(cx, chunk, dLogits, targets);
      logSoftmaxBackward(
        device,
        { ...logits, targets: rowTargets },
        elements(lse, row),
        elements(dLogprobs, row),
      );
      const columns = chunk.weight.rows;
      if (dHidden) {
        matmul(device, {
          c: dHidden.into.slice(row, count),
          a: dLogits,
          b: chunk.weight.backward(),
          m: count,
          n: hidden.width,
          k: columns,
          accumulate: dHidden.accumulate || column > 0,
        });
      }
      if (dWeight) {
        matmul(device, {
          c: dWeight.into.slice(column, columns),
          a: dLogits,
          aRowStride: 1,
          aColumnStride: columns,
          b: { kind: "strided", span: chunk.hidden, kStride: hidden.width, nStride: 1 },
          m: columns,
          n: hidden.width,
          k: count,
          accumulate: dWeight.accumulate || row > 0,
        });
      }
    });
    cx.free(dLogits);
  });
  return { logprobs, entropy, meanLogits: () => meanLogits(cx, hidden, weight) };
}

/** Mean of logits over the vocabulary: the product with the mean of the head's rows. */
function meanLogits(cx: Context, hidden: Tensor, weight: WeightMatrix): Tensor {
  const { device } = cx;
  const { rows: vocab, columns: width } = weight;
  const logits = cx.empty([hidden.rows]);
  const mean = cx.empty([1, width]);
  const shares = cx.from(new Float32Array(Math.min(vocab, LOGITS_CHUNK)).fill(1 / vocab));
  for (let first = 0; first < vocab; first += LOGITS_CHUNK) {
    const count = Math.min(LOGITS_CHUNK, vocab - first);
    matmul(device, {
      c: mean,
      a: shares,
      b: weight.slice(first, count).backward(),
      m: 1,
      n: width,
      k: count,
      accumulate: first > 0,
    });
  }
  matmul(device, {
    c: logits,
    a: hidden,
    b: WeightMatrix.trainable(mean).forward(),
    m: hidden.rows,
    n: 1,
    k: width,
  });
  cx.free(shares);
  cx.free(mean);
  return logits;
}

function chunkScratch(cx: Context, rows: number, vocab: number): Tensor {
  return cx.empty([Math.min(rows, CHUNK_ROWS), Math.min(vocab, LOGITS_CHUNK)]);
}

function eachChunk(hidden: Tensor, weight: WeightMatrix, visit: (chunk: Chunk) => void): void {
  for (let row = 0; row < hidden.rows; row += CHUNK_ROWS) {
    const rows = hidden.slice(row, Math.min(CHUNK_ROWS, hidden.rows - row));
    for (let column = 0; column < weight.rows; column += LOGITS_CHUNK) {
      const columns = weight.slice(column, Math.min(LOGITS_CHUNK, weight.rows - column));
      visit({ hidden: rows, weight: columns, row, column });
    }
  }
}

/** Puts a chunk's logits, rows contiguous, into `scratch`. */
function computeLogits(cx: Context, chunk: Chunk, scratch: Tensor, targets: Tensor) {
  const { hidden, weight, row, column } = chunk;
  const [m, n, k] = [hidden.rows, weight.rows, weight.columns];
  matmul(cx.device, { c: scratch, a: hidden, b: weight.forward(), m, n, k });
  return {
    logits: { logits: scratch, rows: m, columns: n, stride: n, columnStart: column },
    rowTargets: elements(targets, row),
  };
}

/** A vector from element `start` on. */
function elements(vector: Tensor, start: number): Span {
  return { buffer: vector.buffer, byteOffset: vector.byteOffset + start * 4 };
}
