import { z } from "../../packages/zod.ts";
import type { Example } from "../../data/dataset.ts";
import { evaluatePolicy, type PolicyToxicity } from "../../evaluation/evaluate_policy.ts";
import type { SampleStatistics } from "../../evaluation/statistics.ts";
import { textGenerator, unlessAborted } from "../../evaluation/text_generator.ts";
import type { TextClassifier } from "../../rewards/text_classifier.ts";
import type { RunPolicy } from "../loading/policy.ts";
import { samplingOf, type TrainConfig } from "../settings/config.ts";

/**
 * Measures the toxicity of a policy with its adapter.
 *
 * @throws the signal's reason when it aborts
 */
export function measurePolicy(
  { model, tokenizer, adapter }: RunPolicy,
  classifier: TextClassifier,
  prompts: readonly Example[],
  config: TrainConfig,
  signal?: AbortSignal,
): Promise<PolicyToxicity> {
  const sampling = { ...samplingOf(config), maxNewTokens: config.evalMaxNewTokens };
  const generate = unlessAborted(textGenerator(model, tokenizer, sampling, adapter), signal);
  return evaluatePolicy(generate, classifier, prompts, {
    toxicLabel: config.toxicLabel,
    seed: config.seed,
  });
}

/** Describes a measurement of toxicity in one line. */
export function toxicityLine(
  title: string,
  { mean, std, interval, count }: SampleStatistics,
): string {
  const [low, high] = interval.map((value) => value.toFixed(4));
  const prompts = count === 1 ? "1 prompt" : `${count} prompts`;
  return `${title}: ${mean.toFixed(4)} ± ${std.toFixed(4)} (${prompts}, ` +
    `95 % confidence ${low} to ${high})`;
}

const measurementSchema = z.object({
  count: z.int(),
  mean: z.number(),
  std: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  truncated: z.int(),
  samples: z.array(z.object({ query: z.string(), response: z.string(), toxicity: z.number() })),
});

/** Checks a measurement from a file; null for a broken one, or one on other queries. */
export function parseToxicity(json: unknown, queries: readonly string[]): PolicyToxicity | null {
  const { data } = measurementSchema.safeParse(json);
  const isOfThese = data?.samples.length === queries.length &&
    data.samples.every(({ query }, i) => query === queries[i]);
  return isOfThese ? data : null;
}
