import { z } from "../../../packages/zod.ts";
import type { Example } from "../../../data/dataset.ts";
import type { Tokenizer } from "../../../data/tokenizer.ts";
import type { ComparisonRow } from "../../../evaluation/compare.ts";
import { type SampleStatistics, sampleStatistics } from "../../../evaluation/statistics.ts";
import {
  generateInBatches,
  textGenerator,
  unlessAborted,
} from "../../../evaluation/text_generator.ts";
import type { GenerationConfig } from "../../../generation/generation_config.ts";
import type { WeightedRewards } from "../../../rewards/weighted_rewards.ts";
import type { AdaptedModel } from "../../../training/adapter_trainer.ts";

/** Rewards of a policy's responses to prompts that it is not trained on. */
export interface GroupMeasurement {
  /** Statistics of each reward over the responses that it applies to, by its name. */
  rewards: Record<string, SampleStatistics>;
  /** Each response with its rewards. */
  samples: { query: string; response: string; rewards: Record<string, number | null> }[];
}

/**
 * Measures the rewards of responses.
 *
 * @throws {UserError} when a reward misbehaves
 * @throws the signal's reason when it aborts
 */
export async function measureRewards(
  { model, adapter }: AdaptedModel,
  tokenizer: Tokenizer,
  rewards: WeightedRewards,
  prompts: readonly Example[],
  generation: GenerationConfig,
  seed: number,
  signal?: AbortSignal,
): Promise<GroupMeasurement> {
  const generate = textGenerator(model, tokenizer, generation, adapter);
  const responses = await generateInBatches(unlessAborted(generate, signal), prompts);
  const columns = await rewards.columns(
    prompts.map(({ query, columns }, i) => ({ query, response: responses[i], columns })),
  );
  const statistics = Object.entries(columns).map(([name, values]) => [
    name,
    sampleStatistics(values.filter((value) => value !== null), seed),
  ]);
  return {
    rewards: Object.fromEntries(statistics),
    samples: prompts.map(({ query }, i) => ({
      query,
      response: responses[i],
      rewards: Object.fromEntries(
        Object.entries(columns).map(([name, values]) => [name, values[i]]),
      ),
    })),
  };
}

/** A mean of no values is NaN, which JSON writes as null. */
const numberOfSome = z.number().nullable().transform((value) => value ?? NaN);

/** Schema of the statistics in `summary.json`. */
export const statisticsSchema: z.ZodType<SampleStatistics> = z.object({
  count: z.int(),
  mean: numberOfSome,
  std: numberOfSome,
  interval: z.tuple([numberOfSome, numberOfSome]),
});

const schema: z.ZodType<GroupMeasurement> = z.object({
  rewards: z.record(z.string(), statisticsSchema),
  samples: z.array(z.object({
    query: z.string(),
    response: z.string(),
    rewards: z.record(z.string(), z.number().nullable()),
  })),
});

/** Checks a measurement from a file; null for a broken one, or one on other queries or rewards. */
export function parseGroupMeasurement(
  json: unknown,
  queries: readonly string[],
  rewards: readonly string[],
): GroupMeasurement | null {
  const { data } = schema.safeParse(json);
  const isOfThese = data?.samples.length === queries.length &&
    data.samples.every(({ query }, i) => query === queries[i]) &&
    rewards.every((name) => Object.hasOwn(data.rewards, name));
  return isOfThese ? data : null;
}

/** Describes a measurement in one line. */
export function groupMeasurementLine(title: string, { rewards }: GroupMeasurement): string {
  const parts = Object.entries(rewards).map(([name, { mean, interval: [low, high], count }]) =>
    count === 0
      ? `${name} applies to no prompt`
      : `${name} ${mean.toFixed(4)} (${count} ${count === 1 ? "prompt" : "prompts"}, ` +
        `95 % confidence ${low.toFixed(4)} to ${high.toFixed(4)})`
  );
  return `${title}: ${parts.join(", ")}`;
}

/**
 * Compares responses before and after by their first reward, the largest gain first; those without
 * are left out.
 */
export function compareSamples(
  before: GroupMeasurement["samples"],
  after: GroupMeasurement["samples"],
): ComparisonRow[] {
  const rows = after.flatMap(({ query, response, rewards }, i): ComparisonRow[] => {
    const [rewardBefore, rewardAfter] = [first(before[i].rewards), first(rewards)];
    if (rewardBefore === null || rewardAfter === null) return [];
    return [{
      query,
      responseBefore: before[i].response,
      responseAfter: response,
      rewardBefore,
      rewardAfter,
      difference: rewardAfter - rewardBefore,
    }];
  });
  return rows.sort((a, b) => b.difference - a.difference);
}

/** Returns the first of some rewards' statistics, the one that counts most. */
export function first<T>(rewards: Readonly<Record<string, T>>): T {
  return Object.values(rewards)[0];
}
