import { UserError } from "../errors.ts";

/**
 * A policy, as text in and text out: one response per query, special tokens skipped.
 *
 * @param firstRollout number of the first query among all that are asked, so that what is sampled
 *   for a query need not depend on how they are batched
 */
export type TextGenerator = (
  queries: readonly string[],
  firstRollout: number,
) => Promise<string[]>;

/** How a policy is asked many queries. */
export interface BatchingOptions {
  /** Prompts generated for at once; default 16. */
  generationBatchSize?: number;
  /** Called after each batch with how many prompts are done. */
  onProgress?: (done: number, total: number) => void;
}

/** Prompts a policy generates for at once when nothing else is asked for. */
export const GENERATION_BATCH_SIZE = 16;

/**
 * Lets a policy answer queries, a batch at a time.
 *
 * @returns one response per query, in order
 * @throws {UserError} when the policy returns another number of responses
 */
export async function generateInBatches(
  generate: TextGenerator,
  queries: readonly string[],
  options: BatchingOptions = {},
): Promise<string[]> {
  const batchSize = options.generationBatchSize ?? GENERATION_BATCH_SIZE;
  const responses: string[] = [];
  for (let start = 0; start < queries.length; start += batchSize) {
    const batch = queries.slice(start, start + batchSize);
    const answers = await generate(batch, start);
    if (answers.length !== batch.length) {
      throw new UserError(
        `The policy returned ${answers.length} responses to ${batch.length} queries; ` +
          "it must return one per query, in order",
      );
    }
    responses.push(...answers);
    options.onProgress?.(responses.length, queries.length);
  }
  return responses;
}
