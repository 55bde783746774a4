import type { Device, Span } from "../../lib/device/device.ts";
import { rowsPerTask } from "../split.ts";
import { wgsl } from "../wgsl.ts";
import code from "./sample.wgsl" with { type: "text" };

const shader = wgsl("sample", code);
const SAMPLE = shader("sample", 2);
const GREEDY = shader("greedy", 1);

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

/**
 * Draws the next token of each row. The logits go through what transformers 4.27 does, in its
 * order: minimum length, temperature, top-k, top-p. Then the token is where the cumulated
 * probability, in the order of ids, exceeds a uniform number from Philox keyed by (seed, rollout,
 * position): a draw does not depend on the other rows.
 *
 * @param tokens i32 [rows]; -1 where the logits are no distribution (NaN or infinite)
 * @param probabilities f32 [rows, vocabulary], what was drawn from; or null
 * @throws {RangeError} when the vocabulary is too large
 */
export function sample(
  device: Device,
  input: NextTokenLogits,
  options: SampleOptions,
  tokens: Span,
  probabilities: Span | null = null,
): void {
  const { tasks, perTask } = split(input);
  const { rows, vocabulary, eosTokenId, minLength } = input;
  const seedLow = options.seed % 2 ** 32;
  const seedHigh = Math.floor(options.seed / 2 ** 32);
  const spans = [tokens, probabilities, input.logits, input.positions, options.rollouts];
  const ints = [rows, vocabulary, eosTokenId, minLength, options.topK, seedLow, seedHigh];
  const floats = [options.temperature, options.topP];
  if (device.kind === "webgpu") return device.dispatch(SAMPLE, rows, spans, ints, floats);
  device.run("sample", tasks, spans, [perTask, ...ints], floats);
}

/**
 * The most likely next token of each row, the first of equally likely ones.
 *
 * @param tokens i32 [rows]; -1 where there is a NaN
 * @throws {RangeError} when the vocabulary is too large
 */
export function greedy(device: Device, input: NextTokenLogits, tokens: Span): void {
  const { tasks, perTask } = split(input);
  const { rows, vocabulary, eosTokenId, minLength } = input;
  const spans = [tokens, input.logits, input.positions];
  const ints = [rows, vocabulary, eosTokenId, minLength];
  if (device.kind === "webgpu") return device.dispatch(GREEDY, rows, spans, ints);
  device.run("greedy", tasks, spans, [perTask, ...ints]);
}

function split({ rows, vocabulary }: NextTokenLogits): { tasks: number; perTask: number } {
  if (vocabulary > MAX_VOCABULARY) {
    throw new RangeError(
      `sampling from ${vocabulary} tokens: at most ${MAX_VOCABULARY} are supported`,
    );
  }
  const perTask = rowsPerTask(vocabulary);
  return { tasks: Math.ceil(rows / perTask), perTask };
}
