import { NotFiniteError, UserError } from "../errors.ts";
import type { DecoderMemory, T5ForConditionalGeneration } from "../models/t5.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { ValueHead } from "../nn/value_head.ts";
import { Context } from "../tensor/context.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  type EncodedPart,
  type EncodedQueries,
  encodeQueries,
  joinEncoded,
} from "./encoded_queries.ts";
import { KeyValueCache } from "./kv_cache.ts";
import { nextTokens } from "./next_tokens.ts";

/** How to generate, in the words of transformers' `generate`. */
export interface GenerationConfig {
  /** The most tokens of a response: one number, or one for each query. */
  maxNewTokens: number | readonly number[];
  /** `</s>` cannot come while start token and response together are shorter. Default 0. */
  minLength?: number;
  /** Draws from the distribution instead of taking the most likely token. Default false. */
  doSample?: boolean;
  /** Divides the logits. Default 1. */
  temperature?: number;
  /** Keeps the k most likely tokens; 0 keeps all. Default 0. */
  topK?: number;
  /** Keeps the most likely tokens that together have this probability; 1 keeps all. Default 1. */
  topP?: number;
  /** With a rollout's number and a position it decides each draw. Default 0. */
  seed?: number;
  /** The number of the first query's rollout; the others count on from it. Default 0. */
  firstRollout?: number;
}

/** Which weights generate, and what to report of them. */
export interface GenerationOptions {
  /** The adapter to use; null (the default) for the base model. */
  adapter?: LoraAdapter | null;
  /** Computes the value of each position. Default null: no values. */
  valueHead?: ValueHead | null;
  /** Whether to compute the logprob of each token. Default false. */
  logprobs?: boolean;
  /** Some of the queries, if they are encoded already, with the same weights. */
  encoded?: EncodedPart | null;
}

/** A generated response. */
export interface Generated {
  /** t1 … tn, with `</s>` where it stopped by itself; without the start token. */
  tokens: number[];
  /** log p(token) before temperature, top-k and top-p, nats; null when not asked for. */
  logprobs: number[] | null;
  /** The value at the position that each token was drawn from; null when not asked for. */
  values: number[] | null;
}

/** Decoding steps that one set of rows takes: what they read is on the device before the first. */
interface Window {
  rows: readonly number[];
  /** Position of the first step. */
  first: number;
  /** What step 0, 1, … attends to. */
  memory: (step: number) => DecoderMemory;
  /** i32 [rows]: the tokens that the first step reads. */
  ids: Tensor;
  /** i32 [steps, rows] */
  positions: Tensor;
  /** i32 [rows] */
  rollouts: Tensor;
  /** What the steps leave for the host to read, [steps, rows] each. */
  drawn: Drawn;
}

interface Drawn {
  tokens: Tensor;
  logprobs: Tensor | null;
  values: Tensor | null;
}

/** The most steps of a window. */
const WINDOW = 16;

/**
 * Tokens that are drawn before the host looks which rows have finished, at most WINDOW. A GPU's
 * readback takes 11 ms in Deno, so it looks seldom, and finished rows draw a few tokens that are
 * thrown away.
 */
const LOOK = { wasm: 1, webgpu: 16 };

/**
 * Generates a response to each query, all of them at once: the encoder runs once, keys and values
 * are cached, rows that finish leave the batch. A row's response depends on its query, the seed and
 * its rollout's number, not on the other rows.
 *
 * @param queries token ids for the encoder, as the tokenizer makes them
 * @throws {UserError} when a setting or a query is impossible
 * @throws {NotFiniteError} when the model's logits are not finite
 */
export async function generate(
  model: T5ForConditionalGeneration,
  queries: readonly (readonly number[])[],
  config: GenerationConfig,
  options: GenerationOptions = {},
): Promise<Generated[]> {
  if (queries.length === 0) return [];
  const limits = checkGeneration(model, queries, config);
  const { eosTokenId, decoderStartTokenId } = model.config;
  const results = queries.map((): Generated => ({
    tokens: [],
    logprobs: options.logprobs ? [] : null,
    values: options.valueHead ? [] : null,
  }));
  const cx = new Context(model.device);
  try {
    const encoded = encodeAll(cx, model, queries, options);
    const look = Math.min(LOOK[model.device.kind], Math.max(...limits));
    // A row that ends between two looks draws on to the second.
    const capacities = limits.map((limit) => Math.ceil(limit / look) * look);
    const cache = new KeyValueCache(cx, model, encoded, capacities);
    let active = queries.map((_, row) => row);
    let position = 0;
    while (active.length > 0) {
      const rows = active;
      const steps = Math.min(WINDOW, Math.max(...rows.map((row) => limits[row])) - position);
      const last = rows.map((row) => results[row].tokens.at(-1) ?? decoderStartTokenId);
      const windowContext = new Context(model.device);
      try {
        const window = openWindow(
          windowContext,
          cache,
          rows,
          last,
          position,
          steps,
          config,
          options,
        );
        for (let step = 0; step < steps && active === rows; step += look) {
          const count = Math.min(look, steps - step);
          for (let i = 0; i < count; i++) drawToken(model, window, step + i, config, options);
          const [tokens, logprobs, values] = await readDrawn(window, step, count);
          const left = rows.filter((row, i) => {
            const result = results[row];
            for (let at = i; at < tokens.length; at += rows.length) {
              if (tokens[at] < 0) throw notFinite(result.tokens.length, row, config);
              result.tokens.push(tokens[at]);
              if (logprobs) result.logprobs!.push(logprobs[at]);
              if (values) result.values!.push(values[at]);
              if (tokens[at] === eosTokenId || result.tokens.length === limits[row]) return false;
            }
            return true;
          });
          if (left.length < rows.length) active = left;
          position += look;
        }
      } finally {
        windowContext.release();
      }
    }
  } finally {
    cx.release();
  }
  return results;
}

/** Encodes what is not encoded yet. */
function encodeAll(
  cx: Context,
  model: T5ForConditionalGeneration,
  queries: readonly (readonly number[])[],
  { adapter = null, encoded = null }: GenerationOptions,
): EncodedQueries {
  const done = new Set(encoded?.rows);
  const rows = [...queries.keys()].filter((row) => !done.has(row));
  const parts = encoded ? [encoded] : [];
  if (rows.length > 0) {
    const rest = encodeQueries(cx, model, rows.map((row) => queries[row]), adapter);
    parts.push({ rows, encoded: rest });
  }
  return joinEncoded(cx, parts, queries.length);
}

function notFinite(position: number, row: number, { firstRollout = 0 }: GenerationConfig) {
  return new NotFiniteError(
    `the model's logits are not finite at token ${position} of rollout ${firstRollout + row}: ` +
      "its weights are broken or training diverged",
  );
}

/** Uploads what some steps read, so that a step uploads nothing. */
function openWindow(
  cx: Context,
  cache: KeyValueCache,
  rows: readonly number[],
  last: readonly number[],
  first: number,
  steps: number,
  { firstRollout = 0 }: GenerationConfig,
  { valueHead = null, logprobs = false }: GenerationOptions,
): Window {
  const count = rows.length;
  const positions = Int32Array.from(
    { length: steps * count },
    (_, i) => first + Math.floor(i / count),
  );
  return {
    rows,
    first,
    memory: cache.window(cx, rows, first, steps),
    ids: cx.from(Int32Array.from(last)),
    positions: cx.from(positions, [steps, count]),
    rollouts: cx.from(Int32Array.from(rows, (row) => firstRollout + row)),
    drawn: {
      tokens: cx.empty([steps, count], "i32"),
      logprobs: logprobs ? cx.empty([steps, count]) : null,
      values: valueHead ? cx.empty([steps, count]) : null,
    },
  };
}

/** Draws the token of each row at a step of the window; those of the steps before it are drawn. */
function drawToken(
  model: T5ForConditionalGeneration,
  { rows, first, memory, ids, positions, rollouts, drawn }: Window,
  step: number,
  config: GenerationConfig,
  { adapter = null, valueHead = null }: GenerationOptions,
): void {
  const { eosTokenId, vocabSize: vocabulary } = model.config;
  const { seed = 0, temperature = 1, topK = 0, topP = 1 } = config;
  const cx = new Context(model.device);
  try {
    const read = step === 0 ? ids : drawn.tokens.slice(step - 1, 1);
    const values = drawn.values && { head: valueHead!, into: drawn.values.slice(step, 1) };
    const hidden = model.decodeStep(cx, read, first + step + 1, adapter, memory(step), values);
    const input = {
      logits: model.logits(cx, hidden),
      rows: rows.length,
      vocabulary,
      positions: positions.slice(step, 1),
      eosTokenId,
      // transformers counts the start token as part of the length.
      minLength: (config.minLength ?? 0) - 1,
    };
    const drawing = config.doSample ? { rollouts, seed, temperature, topK, topP } : null;
    const logprobs = drawn.logprobs?.slice(step, 1) ?? null;
    nextTokens(cx, input, drawing, drawn.tokens.slice(step, 1), logprobs);
  } finally {
    cx.release();
  }
}

/** Tokens, logprobs and values of some steps. */
function readDrawn({ drawn }: Window, step: number, count: number) {
  return Promise.all([
    drawn.tokens.slice(step, count).readInts(),
    drawn.logprobs?.slice(step, count).read(),
    drawn.values?.slice(step, count).read(),
  ]);
}

/**
 * Checks what is to be generated.
 *
 * @returns the most tokens of each row
 * @throws {UserError} when a setting or a query is impossible
 */
export function checkGeneration(
  model: T5ForConditionalGeneration,
  queries: readonly (readonly number[])[],
  config: GenerationConfig,
): number[] {
  const { maxNewTokens, temperature = 1, topK = 0, topP = 1 } = config;
  const limits = typeof maxNewTokens === "number"
    ? queries.map(() => maxNewTokens)
    : [...maxNewTokens];
  if (limits.length !== queries.length) {
    throw new UserError(
      `\`maxNewTokens\` has ${limits.length} entries for ${queries.length} queries: give one number, or one for each`,
    );
  }
  const check = (name: string, value: number, fits: boolean, allowed: string) => {
    if (!fits) throw new UserError(`\`${name}\` is ${value}: it must be ${allowed}`);
  };
  for (const limit of limits) {
    check("maxNewTokens", limit, Number.isInteger(limit) && limit >= 1, "a whole number from 1");
  }
  check("temperature", temperature, temperature > 0 && temperature < Infinity, "positive");
  check("topK", topK, Number.isInteger(topK) && topK >= 0, "a whole number from 0 (off)");
  check("topP", topP, topP > 0 && topP <= 1, "above 0 and at most 1 (off)");
  queries.forEach((query, row) => {
    if (query.length === 0) throw new UserError(`query ${row} has no tokens`);
    model.checkTokens(query, `query ${row}`);
  });
  return limits;
}
