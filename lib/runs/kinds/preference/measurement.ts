import { z } from "../../../packages/zod.ts";
import type { Example } from "../../../data/dataset.ts";
import type { Tokenizer } from "../../../data/tokenizer.ts";
import type { SampleStatistics } from "../../../evaluation/statistics.ts";
import {
  generateInBatches,
  textGenerator,
  unlessAborted,
} from "../../../evaluation/text_generator.ts";
import type { WeightedRewards } from "../../../rewards/weighted_rewards.ts";
import type { AdaptedModel } from "../../../training/adapter_trainer.ts";
import { type GroupMeasurement, measureRewards, statisticsSchema } from "../group/measurement.ts";
import type { LearnerStats } from "./learner.ts";

/** A policy's judgement of test rows, and its answers to test prompts. */
export interface PreferenceMeasurement {
  /** Metrics of the test rows, by TRL's names. */
  metrics: Record<string, number>;
  /** Share of the rows whose implied rewards agree with the preference, ties counted half. */
  accuracy: number;
  /** Number of the rows. */
  count: number;
  /** Statistics of each measured reward over the answers that it applies to, by its name. */
  rewards: Record<string, SampleStatistics>;
  /** Greedy answers with their rewards. */
  samples: GroupMeasurement["samples"];
}

/**
 * Lets a policy answer prompts greedily, and measures rewards of the answers.
 *
 * @param rewards null for none
 * @throws {UserError} when a reward misbehaves
 * @throws the signal's reason when it aborts
 */
export async function measureAnswers(
  { model, adapter }: AdaptedModel,
  tokenizer: Tokenizer,
  rewards: WeightedRewards | null,
  prompts: readonly Example[],
  { maxNewTokens, seed }: { maxNewTokens: number; seed: number },
  signal?: AbortSignal,
): Promise<GroupMeasurement> {
  if (prompts.length === 0) return { rewards: {}, samples: [] };
  if (rewards !== null) {
    const policy = { model, adapter };
    return await measureRewards(
      policy,
      tokenizer,
      rewards,
      prompts,
      { maxNewTokens },
      seed,
      signal,
    );
  }
  const generate = textGenerator(model, tokenizer, { maxNewTokens, doSample: false }, adapter);
  const responses = await generateInBatches(unlessAborted(generate, signal), prompts);
  return {
    rewards: {},
    samples: prompts.map(({ query }, i) => ({ query, response: responses[i], rewards: {} })),
  };
}

/** Joins the judgement of test rows with the answers to test prompts. */
export function measurementOf(
  { metrics, accuracy, rewards }: LearnerStats,
  answers: GroupMeasurement,
): PreferenceMeasurement {
  return { metrics, accuracy, count: rewards.length, ...answers };
}

const schema: z.ZodType<PreferenceMeasurement> = z.object({
  metrics: z.record(z.string(), z.number()),
  accuracy: z.number(),
  count: z.int(),
  rewards: z.record(z.string(), statisticsSchema),
  samples: z.array(z.object({
    query: z.string(),
    response: z.string(),
    rewards: z.record(z.string(), z.number().nullable()),
  })),
});

/** Checks a measurement from a file; null for a broken one, or one on other rows, prompts or rewards. */
export function parsePreferenceMeasurement(
  json: unknown,
  count: number,
  queries: readonly string[],
  rewards: readonly string[],
): PreferenceMeasurement | null {
  const { data } = schema.safeParse(json);
  const isOfThese = data?.count === count && data.samples.length === queries.length &&
    data.samples.every(({ query }, i) => query === queries[i]) &&
    rewards.every((name) => Object.hasOwn(data.rewards, name));
  return isOfThese ? data : null;
}

/** Describes a measurement in one line. */
export function preferenceMeasurementLine(
  title: string,
  { metrics, accuracy, count, rewards }: PreferenceMeasurement,
): string {
  const measured = Object.entries(rewards).map(([name, { mean }]) => `${name} ${mean.toFixed(4)}`);
  const parts = [
    `loss ${metrics.loss.toFixed(4)}`,
    `accuracy ${accuracy.toFixed(4)}`,
    `margin ${metrics["rewards/margins"].toFixed(4)} (${count} rows)`,
    ...measured,
  ];
  return `${title}: ${parts.join(", ")}`;
}
