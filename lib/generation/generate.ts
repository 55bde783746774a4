import {
  LOG_SOFTMAX_STATE,
  logSoftmaxChunk,
  logSoftmaxFinish,
} from "../../kernels/lm_head/lm_head.ts";
import { greedy, sample } from "../../kernels/sample/sample.ts";
import { UserError } from "../errors.ts";
import type { T5ForConditionalGeneration } from "../models/t5.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import type { ValueHead } from "../nn/value_head.ts";
import { Context } from "../tensor/context.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { KeyValueCache } from "./kv_cache.ts";

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

/** What one decoding step puts on the device for the host to read. */
interface Drawn {
  tokens: Tensor;
  logprobs: Tensor | null;
  values: Tensor | null;
}

/** Logits are folded in pieces of this size, as a training pass does: the same sums, bit for bit. */
const CHUNK_COLUMNS = 4096;

/**
 * Generates a response to each query, all of them at once: the encoder runs once, keys and values
 * are cached, rows that finish leave the batch. A row's response depends on its query, the seed and
 * its rollout's number, not on the other rows.
 *
 * @param queries token ids for the encoder, as the tokenizer makes them
 * @throws {UserError} when a setting or a query is impossible, or the model's logits are not finite
 */
export async function generate(
  model: T5ForConditionalGeneration,
  queries: readonly (readonly number[])[],
  config: GenerationConfig,
  options: GenerationOptions = {},
): Promise<Generated[]> {
  if (queries.length === 0) return [];
  const limits = checkConfig(model, queries, config);
  const { adapter = null } = options;
  const { eosTokenId, decoderStartTokenId } = model.config;
  const results = queries.map((): Generated => ({
    tokens: [],
    logprobs: options.logprobs ? [] : null,
    values: options.valueHead ? [] : null,
  }));
  const cx = new Context(model.device);
  try {
    const inputs = Packed.create(cx, queries);
    const encoded = cx.scope(() => model.encode(cx, inputs, adapter));
    const cache = new KeyValueCache(cx, model, inputs, encoded, adapter, limits);
    let active = queries.map((_, row) => row);
    for (let position = 0; active.length > 0; position++) {
      const step = new Context(model.device);
      try {
        const last = active.map((row) => results[row].tokens.at(-1) ?? decoderStartTokenId);
        const ids = step.from(Int32Array.from(last));
        const memory = cache.at(step, active, position);
        const hidden = model.decodeWith(step, ids, position + 1, adapter, memory);
        const drawn = draw(step, model, hidden, active, position, config, options);
        const [tokens, logprobs, values] = await Promise.all([
          drawn.tokens.readInts(),
          drawn.logprobs?.read(),
          drawn.values?.read(),
        ]);
        active.forEach((row, i) => {
          if (tokens[i] < 0) {
            throw new UserError(
              `the model's logits are not finite at token ${position} of rollout ${
                (config.firstRollout ?? 0) + row
              }: its weights are broken or training diverged`,
            );
          }
          results[row].tokens.push(tokens[i]);
          if (logprobs) results[row].logprobs!.push(logprobs[i]);
          if (values) results[row].values!.push(values[i]);
        });
        const ended = (row: number) =>
          results[row].tokens.at(-1) === eosTokenId || position + 1 >= limits[row];
        active = active.filter((row) => !ended(row));
      } finally {
        step.release();
      }
    }
  } finally {
    cx.release();
  }
  return results;
}

/** Draws the next token of each row from the hidden states that predict it. */
function draw(
  cx: Context,
  model: T5ForConditionalGeneration,
  hidden: Tensor,
  rows: readonly number[],
  position: number,
  config: GenerationConfig,
  { valueHead, logprobs }: GenerationOptions,
): Drawn {
  const { device } = cx;
  const { eosTokenId, vocabSize } = model.config;
  const logits = model.logits(cx, hidden);
  const tokens = cx.empty([rows.length], "i32");
  const input = {
    logits,
    rows: rows.length,
    vocabulary: vocabSize,
    positions: cx.from(new Int32Array(rows.length).fill(position)),
    eosTokenId,
    // transformers counts the start token as part of the length.
    minLength: (config.minLength ?? 0) - 1,
  };
  if (config.doSample) {
    const first = config.firstRollout ?? 0;
    const rollouts = cx.from(Int32Array.from(rows, (row) => first + row));
    const { seed = 0, temperature = 1, topK = 0, topP = 1 } = config;
    sample(device, input, { rollouts, seed, temperature, topK, topP }, tokens);
  } else greedy(device, input, tokens);
  return {
    tokens,
    logprobs: logprobs ? tokenLogprobs(cx, logits, tokens) : null,
    values: valueHead ? valueHead.forward(cx, hidden) : null,
  };
}

/** log_softmax(logits) at the tokens, f32 [rows]. */
function tokenLogprobs(cx: Context, logits: Tensor, tokens: Tensor): Tensor {
  const { device } = cx;
  const [rows, vocab] = [logits.rows, logits.width];
  const state = cx.empty([rows, LOG_SOFTMAX_STATE]);
  for (let columnStart = 0; columnStart < vocab; columnStart += CHUNK_COLUMNS) {
    const columns = Math.min(CHUNK_COLUMNS, vocab - columnStart);
    const from = { buffer: logits.buffer, byteOffset: logits.byteOffset + columnStart * 4 };
    const chunk = { logits: from, rows, columns, stride: vocab, columnStart, targets: tokens };
    logSoftmaxChunk(device, chunk, state, columnStart === 0);
  }
  const [logprobs, entropy, lse] = [cx.empty([rows]), cx.empty([rows]), cx.empty([rows])];
  logSoftmaxFinish(device, state, rows, { logprobs, entropy, lse });
  return logprobs;
}

/** The most tokens of each row. */
function checkConfig(
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
      `maxNewTokens has ${limits.length} entries for ${queries.length} queries: give one number, or one for each`,
    );
  }
  const check = (name: string, value: number, fits: boolean, allowed: string) => {
    if (!fits) throw new UserError(`${name} is ${value}: it must be ${allowed}`);
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
