import type { Device, Span } from "../../lib/device/device.ts";
import { EXPONENTIALS_TASK_ELEMENTS, rowsPerTask } from "../split.ts";
import logSoftmax from "../lm_head/log_softmax.wgsl" with { type: "text" };
import logprob from "../lm_head/logprob.wgsl" with { type: "text" };
import { wgsl } from "../wgsl.ts";
import { drawInParts, drawsInParts } from "./draw_gpu.ts";
import drawn from "./drawn.wgsl" with { type: "text" };
import greedyCode from "./greedy.wgsl" with { type: "text" };
import row from "./row.wgsl" with { type: "text" };
import sampleCode from "./sample.wgsl" with { type: "text" };
import scores from "./scores.wgsl" with { type: "text" };
import stretches from "./stretches.wgsl" with { type: "text" };
import { UserError } from "../../lib/errors.ts";
import { GREEDY, MAX_VOCABULARY, SAMPLE } from "./signatures.ts";

const shared = logSoftmax + logprob + row + drawn;
const sampleShader = wgsl(SAMPLE, "sample/sample.wgsl", sampleCode, {
  shared: shared + scores + stretches,
})();
const greedyShader = wgsl(GREEDY, "sample/greedy.wgsl", greedyCode, { shared })();

/** The logits of the next token of some sequences, and what they go through first. */
export interface NextTokenLogits {
  /** f32 [rows, vocabulary] */
  readonly logits: Span;
  readonly rows: number;
  readonly vocabulary: number;
  /** i32 [rows]: how many tokens each row has generated before this one. */
  readonly positions: Span;
  /** {@linkcode tokenSet} of the tokens that end a sequence; null for none. */
  readonly ends: Span | null;
  /** No end token can come while a row's position is below this. */
  readonly minLength: number;
  /** Penalty on tokens that a sequence has already; null for none. */
  readonly repetition: Repetition | null;
}

/** Penalty on tokens that have come before (Keskar et al. 2019, "CTRL"). */
export interface Repetition {
  /** Divides positive logits of these tokens, and multiplies negative ones. */
  readonly penalty: number;
  /** A {@linkcode tokenSet} in each row, which drawn tokens are added to. */
  readonly seen: Span;
  /** i32 [rows]: row of `seen` of each row, distinct. */
  readonly rows: Span;
}

/** Set of tokens as the kernels read it, [⌈vocabulary / 32⌉]: token t is bit t % 32 of word ⌊t / 32⌋. */
export function tokenSet(
  tokens: readonly number[],
  vocabulary: number,
): Int32Array<ArrayBuffer> {
  const words = new Int32Array(Math.ceil(vocabulary / 32));
  for (const token of tokens) words[token >> 5] |= 1 << (token & 31);
  return words;
}

/** Settings of a draw. */
export interface SampleOptions {
  /** i32 [rows]: what a row's random numbers depend on, with its position and the seed. */
  readonly rollouts: Span;
  /** A whole number, at most 2^53. */
  readonly seed: number;
  /** Divides the logits. */
  readonly temperature: number;
  /** Keeps the k most likely tokens and what is as likely as the k-th; 0 keeps all. */
  readonly topK: number;
  /**
   * Removes the least likely tokens that together have at most 1 - topP; of equally likely ones
   * those with the smallest ids. 1 keeps all.
   */
  readonly topP: number;
  /** Removes tokens that are less likely than this share of the likeliest; 0, the default, keeps all. */
  readonly minP?: number;
}

/** Further results for each row, on a GPU in one block, and the kernel that takes the tokens. */
export interface DrawnExtras {
  /** f32 [rows, vocabulary], what {@linkcode sample} drew from. */
  readonly probabilities?: Span | null;
  /**
   * f32 [rows], where {@linkcode drawsLogprobs}: the token's logprob before penalty, minimum length,
   * temperature, top-k, top-p and min-p. Elsewhere kernels/lm_head computes it, spread over the threads.
   */
  readonly logprobs?: Span | null;
  /**
   * On a GPU, lets several workgroups share a row; draws with top-k, top-p or probabilities take one.
   * Default: where the device's tuning says so. Results are the same, bit for bit.
   */
  readonly inParts?: boolean;
}

/** Tells devices that compute the drawn tokens' logprobs in the launch that draws them. */
export function drawsLogprobs(device: Device): boolean {
  return device.kind === "webgpu";
}

/**
 * Draws the next token of each row. The logits go through what transformers does, in its order:
 * repetition penalty, minimum length, temperature, top-k, top-p, min-p. Then the token is where the
 * cumulated probability, in the order of ids, exceeds a uniform number from Philox keyed by (seed, rollout,
 * position): a draw does not depend on the other rows.
 *
 * @param tokens i32 [rows]; -1 where the logits are no distribution (NaN or infinite)
 * @throws {UserError} when the vocabulary is too large
 */
export function sample(
  device: Device,
  input: NextTokenLogits,
  options: SampleOptions,
  tokens: Span,
  { probabilities = null, logprobs = null, inParts }: DrawnExtras = {},
): void {
  const { tasks, perTask } = split(input);
  const { rollouts, temperature, topK, topP, minP = 0 } = options;
  const seedLow = options.seed % 2 ** 32;
  const seedHigh = Math.floor(options.seed / 2 ** 32);
  const outputs = { tokens, probabilities, logprobs };
  const drawing = { rollouts, topK, seedLow, seedHigh, temperature, topP, minP };
  const args = { ...outputs, ...inputArguments(input), ...drawing, perTask };
  if (device.kind === "webgpu") {
    const isPlain = topK === 0 && topP >= 1 && !probabilities;
    if (isPlain && (inParts ?? drawsInParts(device, input.vocabulary))) {
      const random = { rollouts, seedLow, seedHigh, temperature, minP };
      return drawInParts(device, { tokens, logprobs, ...inputArguments(input) }, random);
    }
    return device.dispatch(sampleShader, input.rows, args);
  }
  refuse(logprobs);
  device.run(SAMPLE, tasks, args);
}

/**
 * The most likely next token of each row after repetition penalty and minimum length, the first of
 * equally likely ones.
 *
 * @param tokens i32 [rows]; -1 where there is a NaN
 * @throws {UserError} when the vocabulary is too large
 */
export function greedy(
  device: Device,
  input: NextTokenLogits,
  tokens: Span,
  { logprobs = null, inParts }: DrawnExtras = {},
): void {
  const { tasks, perTask } = split(input);
  const args = { tokens, logprobs, ...inputArguments(input), perTask };
  if (device.kind === "webgpu") {
    if (inParts ?? drawsInParts(device, input.vocabulary)) {
      return drawInParts(device, { tokens, logprobs, ...inputArguments(input) }, null);
    }
    return device.dispatch(greedyShader, input.rows, args);
  }
  refuse(logprobs);
  device.run(GREEDY, tasks, args);
}

function inputArguments(
  { logits, rows, vocabulary, positions, ends, minLength, repetition }: NextTokenLogits,
) {
  return {
    seen: repetition?.seen ?? null,
    logits,
    positions,
    ends,
    seenRows: repetition?.rows ?? null,
    rows,
    vocabulary,
    minLength,
    repetitionPenalty: repetition?.penalty ?? 1,
  };
}

function refuse(logprobs: Span | null): void {
  if (logprobs) throw new Error("this device does not compute logprobs where it draws");
}

function split({ rows, vocabulary }: NextTokenLogits): { tasks: number; perTask: number } {
  if (vocabulary > MAX_VOCABULARY) {
    throw new UserError(
      `the model's vocabulary of ${vocabulary} tokens is too large to sample from: at most ${MAX_VOCABULARY} are supported`,
    );
  }
  const perTask = rowsPerTask(vocabulary, EXPONENTIALS_TASK_ELEMENTS);
  return { tasks: Math.ceil(rows / perTask), perTask };
}
