import { signature } from "../../lib/device/signature.ts";
import { SCRATCH_BYTES } from "../../lib/device/wasm/layout.ts";
import { LOGITS_CHUNK } from "../lm_head/signatures.ts";

/** Scores of a block, whose sum of exponentials is kept. */
const BLOCK = 256;
/** In the scratch memory of a thread: scores, then the blocks' sums, then top-k's histogram. */
const HISTOGRAM_AT = SCRATCH_BYTES - 16384;
const SUMS_AT = HISTOGRAM_AT - 8192;

/** The most tokens whose scores fit in the scratch memory, and up to a multiple of four more. */
export const MAX_VOCABULARY = SUMS_AT / 4 - 4;

const constants = { BLOCK, SUMS_AT, HISTOGRAM_AT, LOGITS_CHUNK };

/** Draws a token for each row of logits [rows, vocabulary]; `logprobs` on a GPU only. */
export const SAMPLE = signature({
  name: "sample",
  outputs: { tokens: "i32", probabilities: "f32?", logprobs: "f32?" },
  inputs: { logits: "f32", positions: "i32", rollouts: "u32" },
  ints: ["rows", "vocabulary", "eosTokenId", "minLength", "topK", "seedLow", "seedHigh"],
  taskInts: ["perTask"],
  floats: ["temperature", "topP"],
  constants,
});

/** The token with the largest logit of each row, the first of equal ones; `logprobs` on a GPU only. */
export const GREEDY = signature({
  name: "greedy",
  outputs: { tokens: "i32", logprobs: "f32?" },
  inputs: { logits: "f32", positions: "i32" },
  ints: ["rows", "vocabulary", "eosTokenId", "minLength"],
  taskInts: ["perTask"],
  constants,
});
