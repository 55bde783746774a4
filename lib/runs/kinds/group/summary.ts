import { z } from "../../../packages/zod.ts";
import type { SampleStatistics } from "../../../evaluation/statistics.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";
import { statisticsSchema } from "./measurement.ts";

/** File in a run's folder with the measurement before training. */
export const BEFORE_FILE = "rewards_before.json";

/** Headline numbers of a run of an algorithm on groups: its `summary.json`. */
export interface GroupSummary {
  /** First of the measured rewards, on prompts that were not trained on. */
  reward: { before: SampleStatistics; after: SampleStatistics };
  /** Each measured reward, by its name. */
  rewards: Record<string, { before: SampleStatistics; after: SampleStatistics }>;
  /** Share of the prompts whose response has a higher first reward than before, ties counted half. */
  winRate: number;
  /** Steps done. */
  steps: number;
  /** Numbers that were trained, and all numbers of the model. */
  parameters: ParameterCount;
  /** Seconds of the run, those before an interruption included. */
  seconds: number;
}

const change = z.object({ before: statisticsSchema, after: statisticsSchema });

/** Schema of {@linkcode GroupSummary}. */
export const groupSummarySchema: z.ZodType<GroupSummary> = z.object({
  reward: change,
  rewards: z.record(z.string(), change),
  winRate: z.number(),
  steps: z.int(),
  parameters: z.object({ trainable: z.int(), all: z.int() }),
  seconds: z.number(),
});
