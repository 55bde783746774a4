import { signature } from "../../lib/device/signature.ts";
import { SCRATCH_BYTES } from "../../lib/device/wasm/layout.ts";
import { LOGITS_CHUNK } from "../lm_head/signatures.ts";

/** Scores of a block, whose sum of exponentials is kept. */
const BLOCK = 256;
/** In the scratch memory of a thread: scores, then the blocks' sums, then top-k's histogram. */
const HISTOGRAM_AT = SCRATCH_BYTES - 16384;
const SUMS_AT = HISTOGRAM_AT - 16384;

/** The most tokens whose scores fit in the scratch memory, and up to a multiple of four more. */
export const MAX_VOCABULARY = SUMS_AT / 4 - 4;

const constants = { BLOCK, SUMS_AT, HISTOGRAM_AT, LOGITS_CHUNK };

/** Logits [rows, vocabulary] and what they go through: see `NextTokenLogits` in sample.ts. */
const INPUTS = { logits: "f32", positions: "i32", ends: "u32?", seenRows: "u32?" } as const;
const SIZES = ["rows", "vocabulary", "minLength"] as const;

/** Draws a token for each row; `logprobs` on a GPU only. */
export const SAMPLE = signature({
  name: "sample",
  outputs: { tokens: "i32", probabilities: "f32?", logprobs: "f32?", seen: "u32?" },
  inputs: { ...INPUTS, rollouts: "u32" },
  bindings: { results: ["probabilities", "logprobs"] },
  ints: [...SIZES, "topK", "seedLow", "seedHigh"],
  taskInts: ["perTask"],
  floats: ["repetitionPenalty", "temperature", "topP", "minP"],
  constants,
});

/** The token with the largest score of each row, the first of equal ones; `logprobs` on a GPU only. */
export const GREEDY = signature({
  name: "greedy",
  outputs: { tokens: "i32", logprobs: "f32?", seen: "u32?" },
  inputs: INPUTS,
  bindings: { results: ["logprobs"] },
  ints: SIZES,
  taskInts: ["perTask"],
  floats: ["repetitionPenalty"],
  constants,
});
