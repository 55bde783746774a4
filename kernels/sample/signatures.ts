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

/** Rows that go through a penalty and a minimum length; tokens that came before are read only. */
const PART_INPUTS = { ...INPUTS, seen: "u32?" } as const;
const PART_SIZES = [...SIZES, "parts"] as const;

/**
 * Maxima of parts of the rows on a GPU, the first of three launches that take the next token; `state` is
 * described in draw_state.wgsl. GREEDY takes no notice of what belongs to a draw.
 */
export const DRAW_PARTS = signature({
  name: "draw_parts",
  only: "webgpu",
  outputs: { state: "u32" },
  inputs: { ...PART_INPUTS, rollouts: "u32?" },
  gpuInts: [...PART_SIZES, "seedLow", "seedHigh"],
  floats: ["repetitionPenalty", "temperature", "minP"],
  constants: { LOGITS_CHUNK },
});

/** Sums of the likelihoods of a draw, and with `logSoftmax` of the exponentials. */
export const DRAW_SUMS = signature({
  name: "draw_sums",
  only: "webgpu",
  outputs: { state: "u32" },
  inputs: PART_INPUTS,
  gpuInts: [...PART_SIZES, "logSoftmax"],
  floats: ["repetitionPenalty", "temperature", "minP"],
  constants: { LOGITS_CHUNK },
});

/** The token of each row, and its logprob. */
export const DRAW_TOKEN = signature({
  name: "draw_token",
  only: "webgpu",
  outputs: { tokens: "i32", logprobs: "f32?", seen: "u32?" },
  inputs: { ...INPUTS, state: "u32" },
  gpuInts: PART_SIZES,
  floats: ["repetitionPenalty", "temperature", "minP"],
  constants: { LOGITS_CHUNK },
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
