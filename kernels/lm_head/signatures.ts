import { signature } from "../../lib/device/signature.ts";

/** Values that a row's running log-softmax consists of. */
export const LOG_SOFTMAX_STATE = 4;

/**
 * Columns of a chunk. Training and decoding fold the same chunks, so that their sums are the same,
 * bit for bit.
 */
export const LOGITS_CHUNK = 4096;

/** Folds a chunk of logits into each row's maximum, Σ e^(x-max), Σ e^(x-max) (x-max), x[target]. */
export const LOG_SOFTMAX_CHUNK = signature({
  name: "log_softmax_chunk",
  outputs: { rowState: "f32" },
  inputs: { logits: "f32", targets: "i32" },
  ints: ["rows", "columns", "stride", "columnStart", "first"],
  taskInts: ["perTask"],
});

/** logprob = x[target] - lse; entropy = lse - Σ p x; lse = max + log Σ e^(x-max). */
export const LOG_SOFTMAX_FINISH = signature({
  name: "log_softmax_finish",
  outputs: { logprobs: "f32", entropy: "f32", lse: "f32" },
  inputs: { rowState: "f32" },
  ints: ["rows"],
});

/** x becomes dLogprob · ((column is target) - e^(x - lse)). */
export const LOG_SOFTMAX_BACKWARD = signature({
  name: "log_softmax_backward",
  outputs: { logits: "f32" },
  inputs: { targets: "i32", lse: "f32", dLogprobs: "f32" },
  ints: ["rows", "columns", "stride", "columnStart"],
  taskInts: ["perTask"],
});
