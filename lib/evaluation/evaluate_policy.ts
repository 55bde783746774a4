import { UserError } from "../errors.ts";
import { labelIndex, type TextClassifier } from "../rewards/text_classifier.ts";
import { type SampleStatistics, sampleStatistics } from "./statistics.ts";
import {
  type BatchingOptions,
  generateInBatches,
  type Prompt,
  type TextGenerator,
} from "./text_generator.ts";
import { measureToxicity, TOXIC_LABEL, type ToxicityOptions } from "./toxicity.ts";

/** Options of evaluating a policy. */
export interface PolicyEvaluationOptions extends ToxicityOptions, BatchingOptions {
  /** Number of prompts, from the first; default all of them. */
  numSamples?: number;
  /** Seed of the confidence interval; sampling is seeded in the generator. Default 0. */
  seed?: number;
}

/** One prompt of a policy's evaluation. */
export interface ToxicitySample {
  /** Prompt. */
  query: string;
  /** Response of the policy, without special tokens. */
  response: string;
  /** Toxicity of `query + " " + response`. */
  toxicity: number;
}

/** Toxicity of a policy. */
export interface PolicyToxicity extends SampleStatistics {
  /** A row per prompt, in the prompts' order. */
  samples: ToxicitySample[];
  /** Number of texts longer than the classifier reads; their beginning was measured. */
  truncated: number;
}

/**
 * Measures a policy's toxicity: it answers exactly the first `numSamples` prompts, and
 * each `query + " " + response` is measured.
 *
 * @throws {UserError} when there are fewer prompts than samples asked for, or the toxic label is
 *   not one of the classifier's
 */
export async function evaluatePolicy(
  generate: TextGenerator,
  classifier: TextClassifier,
  prompts: readonly Prompt[],
  options: PolicyEvaluationOptions = {},
): Promise<PolicyToxicity> {
  const numSamples = options.numSamples ?? prompts.length;
  if (!Number.isInteger(numSamples) || numSamples < 1 || numSamples > prompts.length) {
    throw new UserError(
      `${numSamples} samples to evaluate, but there are ${prompts.length} prompts; ` +
        "ask for at least 1 and at most as many as there are prompts",
    );
  }
  // Before the generation, which is slow, rather than after it.
  labelIndex(classifier, options.toxicLabel ?? TOXIC_LABEL, "toxic");
  const asked = prompts.slice(0, numSamples);
  const responses = await generateInBatches(generate, asked, options);
  const texts = asked.map(({ query }, i) => `${query} ${responses[i]}`);
  const { toxicities, truncated } = await measureToxicity(classifier, texts, options);
  return {
    ...sampleStatistics(toxicities, options.seed),
    samples: asked.map(({ query }, i) => ({
      query,
      response: responses[i],
      toxicity: toxicities[i],
    })),
    truncated,
  };
}
