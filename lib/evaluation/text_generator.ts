import type { Tokenizer } from "../data/tokenizer.ts";
import { UserError } from "../errors.ts";
import { generate } from "../generation/generate.ts";
import type { GenerationConfig } from "../generation/generation_config.ts";
import type { LanguageModel } from "../models/language_model.ts";
import type { LoraAdapter } from "../nn/lora.ts";

/** Prompt for a policy; a dataset's examples are prompts. */
export interface Prompt {
  /** Its text. */
  query: string;
  /** Its tokens, special tokens included. */
  inputIds: readonly number[];
  /** Dataset's row, by column, for rewards that read it. */
  columns?: Readonly<Record<string, unknown>>;
}

/**
 * A policy as prompts in and texts out: one response per prompt, special tokens skipped.
 *
 * @param firstRollout number of the first prompt among all prompts, so that samples do not depend on
 *   the batches
 */
export type TextGenerator = (
  prompts: readonly Prompt[],
  firstRollout: number,
) => Promise<string[]>;

/**
 * Makes a text generator from a model.
 *
 * @param adapter adapter to use, as it is at the time of generating; null for the base model
 */
export function textGenerator(
  model: LanguageModel,
  tokenizer: Tokenizer,
  config: Omit<GenerationConfig, "firstRollout">,
  adapter: LoraAdapter | null,
): TextGenerator {
  return async (prompts, firstRollout) => {
    const queries = prompts.map(({ inputIds }) => inputIds);
    const generated = await generate(model, queries, { ...config, firstRollout }, {
      adapter,
      tokenizer,
    });
    return generated.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
  };
}

/** Lets a text generator answer until a signal aborts; then it throws the signal's reason. */
export function unlessAborted(generate: TextGenerator, signal?: AbortSignal): TextGenerator {
  return async (prompts, firstRollout) => {
    signal?.throwIfAborted();
    return await generate(prompts, firstRollout);
  };
}

/** Options of answering many prompts. */
export interface BatchingOptions {
  /** Number of prompts of a batch; default 16. */
  generationBatchSize?: number;
  /** Called after each batch with the number of prompts done. */
  onProgress?: (done: number, total: number) => void;
}

/** Default number of prompts of a batch. */
const GENERATION_BATCH_SIZE = 16;

/**
 * Lets a policy answer prompts, a batch at a time.
 *
 * @returns one response per prompt, in order
 * @throws {UserError} when the policy returns another number of responses
 */
export async function generateInBatches(
  generate: TextGenerator,
  prompts: readonly Prompt[],
  options: BatchingOptions = {},
): Promise<string[]> {
  const batchSize = options.generationBatchSize ?? GENERATION_BATCH_SIZE;
  const responses: string[] = [];
  for (let start = 0; start < prompts.length; start += batchSize) {
    const batch = prompts.slice(start, start + batchSize);
    const answers = await generate(batch, start);
    if (answers.length !== batch.length) {
      throw new UserError(
        `the policy returned ${answers.length} responses to ${batch.length} prompts; ` +
          "it must return one per prompt, in order",
      );
    }
    responses.push(...answers);
    options.onProgress?.(responses.length, prompts.length);
  }
  return responses;
}
