import { tokenSet } from "../../kernels/sample/sample.ts";
import { NotFiniteError, UserError } from "../errors.ts";
import {
  decoderPrompt,
  type LanguageModel,
  type PromptMemory,
  type PromptPart,
} from "../models/language_model.ts";
import { distinctPrompts, readPrompts } from "../models/shared_prompts.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { ValueHead } from "../nn/value_head.ts";
import { Context } from "../tensor/context.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type DrawingBatch, DrawingWindow, type DrawnTokens } from "./drawing_window.ts";
import {
  checkGeneration,
  type GenerationConfig,
  promptOfEachResponse,
  rolloutOf,
} from "./generation_config.ts";
import { StopStrings, type TokenDecoder } from "./stop_strings.ts";

/** Weights that generate, and results to report. */
export interface GenerationOptions {
  /** Adapter to use; null, the default, for the base model. */
  adapter?: LoraAdapter | null;
  /** Head that computes the value of each position; null, the default, for no values. */
  valueHead?: ValueHead | null;
  /** Computes the log-probability of each token. Default false. */
  logprobs?: boolean;
  /**
   * Log-probabilities are those of the distribution at the temperature, as the losses of GRPO and RLOO
   * take them. Default false: before temperature.
   */
  scaledLogprobs?: boolean;
  /**
   * Prompts of some rows that the model has read already, with the same weights, for "decoding".
   * Default none.
   */
  prefilled?: readonly PromptPart[];
  /** Decoder of the text that `stopStrings` are looked for in. Default none. */
  tokenizer?: TokenDecoder | null;
  /**
   * Called with the new tokens of a row as they come: as text that streams, or to stop on it.
   *
   * @returns true to end the response there
   */
  onTokens?(row: number, tokens: readonly number[]): boolean | void;
}

/** A generated response. */
export interface Generated {
  /** t1 … tn, with the end token where it stopped by itself; without the start token. */
  tokens: number[];
  /** log p(token) before penalty, top-k, top-p and min-p, in nats; null when not asked for. */
  logprobs: number[] | null;
  /** Values at the positions that the tokens were drawn from; null when not asked for. */
  values: number[] | null;
}

/** Maximum number of steps that are prepared at once. */
const WINDOW_STEPS = 16;
/** Reads of a window where the steps after a read are launched before its results are awaited. */
const READS_AHEAD = 4;

/**
 * Generates responses to prompts, all of them at once: equal prompts are read once, keys and values
 * are cached, rows that finish leave the batch. A row's response depends on its prompt, the seed and
 * its rollout's number, not on the other rows.
 *
 * @param prompts token ids, as the tokenizer makes them
 * @returns `numReturnSequences` responses to each prompt, those to one prompt adjacent
 * @throws {UserError} when a setting or a prompt is impossible
 * @throws {NotFiniteError} when the model's logits are not finite
 */
export async function generate(
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  config: GenerationConfig,
  options: GenerationOptions = {},
): Promise<Generated[]> {
  if (prompts.length === 0) return [];
  const limits = checkGeneration(model, prompts, config);
  const queries = promptOfEachResponse(prompts, config);
  const { adapter = null, valueHead = null, logprobs = false, scaledLogprobs = false } = options;
  const stops = stopStrings(config, options);
  const results = queries.map((): Generated => ({
    tokens: [],
    logprobs: logprobs ? [] : null,
    values: valueHead ? [] : null,
  }));
  // On a device whose reads are slow, the host seldom looks which rows have finished: these draw a few
  // tokens more, which are thrown away.
  const stride = Math.min(model.device.stepsPerRead, WINDOW_STEPS, Math.max(...limits));
  const capacities = limits.map((limit) => Math.ceil(limit / stride) * stride);
  const { readsLate } = model.device;
  const windowSteps = readsLate ? READS_AHEAD * stride : WINDOW_STEPS;
  const cx = new Context(model.device);
  try {
    const memory = readRows(cx, model, queries, options);
    const { eosTokenIds: ends } = model;
    const batch: DrawingBatch = {
      model,
      decoding: model.startDecoding(cx, memory, capacities, adapter),
      config,
      extras: { logprobs, scaledLogprobs, valueHead },
      ends: ends.length > 0 ? cx.from(tokenSet(ends, model.vocabSize)) : null,
      seen: (config.repetitionPenalty ?? 1) === 1 ? null : seenTokens(cx, model, queries),
    };
    let active = [...queries.keys()];
    let position = 0;
    while (active.length > 0) {
      const rows = active;
      const longest = Math.max(...rows.map((row) => limits[row]));
      const steps = Math.min(windowSteps, longest - position);
      const last = rows.map((row) => results[row].tokens.at(-1) ?? model.firstInput(queries[row]));
      const place = { rows, last, first: position, steps };
      const window = new DrawingWindow(batch, place);
      const drawFrom = (step: number) => drawSteps(window, step, Math.min(stride, steps - step));
      try {
        let reading: Promise<DrawnTokens> | null = drawFrom(0);
        for (let next = stride; reading; next += stride) {
          const goesOn = () => next < steps && active.length === rows.length;
          let ahead: Promise<DrawnTokens> | null = null;
          // A row that turns out to have ended draws in vain meanwhile, but not past its capacity.
          if (readsLate && goesOn() && rows.every((row) => limits[row] > position + stride)) {
            // The read is under way before further steps are launched.
            await null;
            ahead = drawFrom(next);
          }
          const drawn = await reading;
          active = active.filter((row) => {
            const { tokens } = results[row];
            const before = tokens.length;
            const finished = takeTokens(results[row], drawn, rows.indexOf(row), rows.length, {
              limit: limits[row],
              ends,
              stops,
              rollout: rolloutOf(config, row),
            });
            const stopped = options.onTokens?.(row, tokens.slice(before));
            return !finished && !stopped;
          });
          position += stride;
          // The next window is for the rows that are left.
          reading = ahead ?? (goesOn() ? drawFrom(next) : null);
        }
      } finally {
        window.release();
      }
    }
  } finally {
    cx.release();
  }
  return results;
}

/** Launches steps, and asks for their results. */
function drawSteps(window: DrawingWindow, first: number, count: number): Promise<DrawnTokens> {
  for (let i = 0; i < count; i++) window.draw(first + i);
  const drawn = window.read(first, count);
  // A failure is thrown where the results are awaited, if they are.
  drawn.catch(() => {});
  return drawn;
}

function stopStrings(
  { stopStrings = [] }: GenerationConfig,
  { tokenizer = null }: GenerationOptions,
): StopStrings | null {
  if (stopStrings.length === 0) return null;
  if (tokenizer) return new StopStrings(stopStrings, tokenizer);
  throw new UserError("`stopStrings` are looked for in text: give a `tokenizer` to decode with");
}

/** Set of the tokens that each row begins with. */
function seenTokens(
  cx: Context,
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
): Tensor {
  const sets = prompts.map((prompt) => tokenSet(decoderPrompt(model, prompt), model.vocabSize));
  const all = new Int32Array(sets.length * sets[0].length);
  sets.forEach((set, row) => all.set(set, row * set.length));
  return cx.from(all, [sets.length, sets[0].length]);
}

/** Reads the prompts that have not been read yet, equal ones once. */
function readRows(
  cx: Context,
  model: LanguageModel,
  prompts: readonly (readonly number[])[],
  { adapter = null, prefilled = [] }: GenerationOptions,
): PromptMemory {
  if (prefilled.length === 0) return readPrompts(cx, model, prompts, adapter, "decoding");
  const { firsts, which } = distinctPrompts(prompts);
  const missing = new Set(firsts.keys());
  const parts: PromptPart[] = [];
  for (const { rows, memory } of prefilled) {
    const first = [...rows.keys()].filter((i) => missing.delete(which[rows[i]]));
    if (first.length === 0) continue;
    const isWhole = first.length === rows.length;
    parts.push({
      rows: first.map((i) => which[rows[i]]),
      memory: isWhole ? memory : model.selectPrompts(memory, first),
    });
  }
  if (missing.size > 0) {
    const rows = [...missing];
    const unread = rows.map((index) => prompts[firsts[index]]);
    parts.push({ rows, memory: model.prefill(cx, unread, adapter, "decoding") });
  }
  const joined = model.joinPrompts(cx, parts, firsts.length);
  return firsts.length === prompts.length ? joined : model.selectPrompts(joined, which);
}

/**
 * Adds one row's tokens of some steps to its response, as far as that goes on.
 *
 * @param column place of the row among the `rows` of each step
 * @returns true once the response is complete
 * @throws {NotFiniteError} when the logits of a token are not finite
 */
function takeTokens(
  response: Generated,
  { tokens, logprobs, values }: DrawnTokens,
  column: number,
  rows: number,
  { limit, ends, stops, rollout }: {
    limit: number;
    ends: readonly number[];
    stops: StopStrings | null;
    rollout: number;
  },
): boolean {
  for (let i = column; i < tokens.length; i += rows) {
    if (tokens[i] < 0) {
      throw new NotFiniteError(
        `the model's logits are not finite at token ${response.tokens.length} of rollout ` +
          `${rollout}: its weights are broken or training diverged`,
      );
    }
    response.tokens.push(tokens[i]);
    if (logprobs) response.logprobs!.push(logprobs[i]);
    if (values) response.values!.push(values[i]);
    if (ends.includes(tokens[i]) || response.tokens.length === limit) return true;
    if (stops?.completedBy(response.tokens)) return true;
  }
  return false;
}
