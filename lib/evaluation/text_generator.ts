import type { Tokenizer } from "../data/tokenizer.ts";
import { UserError } from "../errors.ts";
import { generate } from "../generation/generate.ts";
import type { GenerationConfig } from "../generation/generation_config.ts";
import type { LanguageModel } from "../models/language_model.ts";
import type { LoraAdapter } from "../nn/lora.ts";

/** What a policy is asked; a dataset's examples are prompts. */
export interface Prompt {
  /** Its text. */
  query: string;
  /** Its tokens, special tokens included. */
  inputIds: readonly number[];
}

/**
 * A policy as prompts in and texts out: one response per prompt, special tokens skipped.
 *
 * @param firstRollout number of the first prompt among all that are asked, so that what is sampled
 *   for a prompt need not depend on how they are batched
 */
export type TextGenerator = (
  prompts: readonly Prompt[],
  firstRollout: number,
) => Promise<string[]>;

/**
 * A model as a text generator.
 *
 * @param adapter what to generate with, as it is when it generates; null for the base model
 */
export function textGenerator(
  model: LanguageModel,
  tokenizer: Tokenizer,
  config: Omit<GenerationConfig, "firstRollout">,
  adapter: LoraAdapter | null,
): TextGenerator {
  return async (prompts, firstRollout) => {
    const queries = prompts.map(({ inputIds }) => inputIds);
    const generated = await generate(model, queries, { ...config, firstRollout }, { adapter });
    return generated.map(({ tokens }) => tokenizer.decode(tokens, { skipSpecialTokens: true }));
  };
}

/** How a policy is asked many prompts. */
export interface BatchingOptions {
  /** Prompts generated for at once; default 16. */
  generationBatchSize?: number;
  /** Called after each batch with how many prompts are done. */
  onProgress?: (done: number, total: number) => void;
}

/** Prompts a policy generates for at once when nothing else is asked for. */
export const GENERATION_BATCH_SIZE = 16;

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
        `The policy returned ${answers.length} responses to ${batch.length} prompts; ` +
          "it must return one per prompt, in order",
      );
    }
    responses.push(...answers);
    options.onProgress?.(responses.length, prompts.length);
  }
  return responses;
}
