import type { Device, Span } from "../../lib/device/device.ts";
import { EXPONENTIALS_TASK_ELEMENTS, rowsPerTask } from "../split.ts";
import { LOGITS_CHUNK } from "../lm_head/lm_head.ts";
import logSoftmax from "../lm_head/log_softmax.wgsl" with { type: "text" };
import { wgsl } from "../wgsl.ts";
import code from "./sample.wgsl" with { type: "text" };

const shader = wgsl("sample", code, logSoftmax);
const SAMPLE = shader("sample", 3);
const GREEDY = shader("greedy", 3);

/** What a thread's scratch memory has room for; mirrored in sample.wasm.ts. */
const MAX_VOCABULARY = 255_996;

/** The logits of the next token of some sequences, and when a sequence may end. */
export interface NextTokenLogits {
  /** f32 [rows, vocabulary] */
  readonly logits: Span;
  readonly rows: number;
  readonly vocabulary: number;
  /** i32 [rows]: how many tokens each row has generated before this one. */
  readonly positions: Span;
  /** The token that ends a sequence; -1 if there is none. */
  readonly eosTokenId: number;
  /** The end token cannot come while a row's position is below this. */
  readonly minLength: number;
}

/** How to draw. */
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
}

/** What else to write of each row. */
export interface DrawnExtras {
  /** f32 [rows, vocabulary], what {@linkcode sample} drew from. */
  readonly probabilities?: Span | null;
  /**
   * f32 [rows], where {@linkcode drawsLogprobs}: the token's logprob before minimum length,
   * temperature, top-k and top-p. Elsewhere kernels/lm_head computes it, spread over the threads.
   */
  readonly logprobs?: Span | null;
}

/** Tells devices that compute the drawn tokens' logprobs in the launch that draws them. */
export function drawsLogprobs(device: Device): boolean {
  return device.kind === "webgpu";
}

/**
 * Draws the next token of each row. The logits go through what transformers 4.27 does, in its
 * order: minimum length, temperature, top-k, top-p. Then the token is where the cumulated
 * probability, in the order of ids, exceeds a uniform number from Philox keyed by (seed, rollout,
 * position): a draw does not depend on the other rows.
 *
 * @param tokens i32 [rows]; -1 where the logits are no distribution (NaN or infinite)
 * @throws {RangeError} when the vocabulary is too large
 */
export function sample(
  device: Device,
  input: NextTokenLogits,
  options: SampleOptions,
  tokens: Span,
  { probabilities = null, logprobs = null }: DrawnExtras = {},
): void {
  const { tasks, perTask } = split(input);
  const { rows, logits, positions } = input;
  const { rollouts, seed, temperature, topK, topP } = options;
  const drawing = [topK, seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
  const floats = [temperature, topP];
  if (device.kind === "webgpu") {
    const spans = [tokens, probabilities, logprobs, logits, positions, rollouts];
    const ints = [...common(input), LOGITS_CHUNK, ...drawing];
    return device.dispatch(SAMPLE, rows, spans, ints, floats);
  }
  refuse(logprobs);
  const spans = [tokens, probabilities, logits, positions, rollouts];
  device.run("sample", tasks, spans, [perTask, ...common(input), ...drawing], floats);
}

/**
 * The most likely next token of each row, the first of equally likely ones.
 *
 * @param tokens i32 [rows]; -1 where there is a NaN
 * @throws {RangeError} when the vocabulary is too large
 */
export function greedy(
  device: Device,
  input: NextTokenLogits,
  tokens: Span,
  { logprobs = null }: DrawnExtras = {},
): void {
  const { tasks, perTask } = split(input);
  const { rows, logits, positions } = input;
  if (device.kind === "webgpu") {
    const spans = [tokens, null, logprobs, logits, positions];
    return device.dispatch(GREEDY, rows, spans, [...common(input), LOGITS_CHUNK]);
  }
  refuse(logprobs);
  device.run("greedy", tasks, [tokens, logits, positions], [perTask, ...common(input)]);
}

/** Parameters that both have. */
function common({ rows, vocabulary, eosTokenId, minLength }: NextTokenLogits): number[] {
  return [rows, vocabulary, eosTokenId, minLength];
}

function refuse(logprobs: Span | null): void {
  if (logprobs) throw new Error("this device does not compute logprobs where it draws");
}

function split({ rows, vocabulary }: NextTokenLogits): { tasks: number; perTask: number } {
  if (vocabulary > MAX_VOCABULARY) {
    throw new RangeError(
      `sampling from ${vocabulary} tokens: at most ${MAX_VOCABULARY} are supported`,
    );
  }
  const perTask = rowsPerTask(vocabulary, EXPONENTIALS_TASK_ELEMENTS);
  return { tasks: Math.ceil(rows / perTask), perTask };
}
