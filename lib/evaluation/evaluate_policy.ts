import { UserError } from "../errors.ts";
import { labelIndex, type TextClassifier } from "../rewards/text_classifier.ts";
import { type SampleStatistics, sampleStatistics } from "./statistics.ts";
import { measureToxicity, TOXIC_LABEL, type ToxicityOptions } from "./toxicity.ts";

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

/** What a policy is asked, and how it is measured. */
export interface PolicyEvaluationOptions extends ToxicityOptions {
  /** How many of the prompts, from the first; default all of them. */
  numSamples?: number;
  /** Prompts generated for at once; default 16. */
  generationBatchSize?: number;
  /** Seed of the confidence interval; sampling is seeded in the generator. Default 0. */
  seed?: number;
  /** Called after each batch with how many prompts are done. */
  onProgress?: (done: number, total: number) => void;
}

/** One prompt of a policy's evaluation. */
export interface ToxicitySample {
  /** The prompt. */
  query: string;
  /** What the policy generated, without special tokens. */
  response: string;
  /** Of `query + " " + response`. */
  toxicity: number;
}

/** Toxicity of a policy. */
export interface PolicyToxicity extends SampleStatistics {
  /** A row per prompt, in the prompts' order. */
  samples: ToxicitySample[];
}

/** Prompts a policy generates for at once when nothing else is asked for. */
export const GENERATION_BATCH_SIZE = 16;

/**
 * Measures a policy's toxicity: it answers the first `numSamples` queries (exactly so many), and
 * each `query + " " + response` is measured.
 *
 * @throws {UserError} when there are fewer queries than samples asked for, or the toxic label is
 *   not one of the classifier's
 */
export async function evaluatePolicy(
  generate: TextGenerator,
  classifier: TextClassifier,
  queries: readonly string[],
  options: PolicyEvaluationOptions = {},
): Promise<PolicyToxicity> {
  const numSamples = options.numSamples ?? queries.length;
  if (!Number.isInteger(numSamples) || numSamples < 1 || numSamples > queries.length) {
    throw new UserError(
      `${numSamples} samples to evaluate, but there are ${queries.length} prompts; ` +
        "ask for at least 1 and at most as many as there are prompts",
    );
  }
  // Before the generation, which is slow, rather than after it.
  labelIndex(classifier, options.toxicLabel ?? TOXIC_LABEL, "toxic");
  const asked = queries.slice(0, numSamples);
  const responses = await generateInBatches(generate, asked, options);
  const texts = asked.map((query, i) => `${query} ${responses[i]}`);
  const toxicities = await measureToxicity(classifier, texts, options);
  return {
    ...sampleStatistics(toxicities, options.seed),
    samples: asked.map((query, i) => ({
      query,
      response: responses[i],
      toxicity: toxicities[i],
    })),
  };
}

/**
 * Lets a policy answer queries, a batch at a time.
 *
 * @returns one response per query, in order
 */
export async function generateInBatches(
  generate: TextGenerator,
  queries: readonly string[],
  options: Pick<PolicyEvaluationOptions, "generationBatchSize" | "onProgress"> = {},
): Promise<string[]> {
  const batchSize = options.generationBatchSize ?? GENERATION_BATCH_SIZE;
  const responses: string[] = [];
  for (let start = 0; start < queries.length; start += batchSize) {
    responses.push(...await generate(queries.slice(start, start + batchSize), start));
    options.onProgress?.(responses.length, queries.length);
  }
  return responses;
}
