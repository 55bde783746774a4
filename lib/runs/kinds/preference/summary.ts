import { z } from "../../../packages/zod.ts";
import type { SampleStatistics } from "../../../evaluation/statistics.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";
import { statisticsSchema } from "../group/measurement.ts";

/** File in a run's folder with the measurement before training. */
export const BEFORE_FILE = "preferences_before.json";

/** A number before and after training. */
export interface BeforeAfter<T = number> {
  /** Before training. */
  before: T;
  /** After training. */
  after: T;
}

/** Headline numbers of a run on preferences: its `summary.json`. */
export interface PreferenceSummary {
  /** Share of the test rows whose implied rewards agree with the preference, ties counted half. */
  accuracy: BeforeAfter;
  /** Mean difference of the implied rewards of chosen and rejected answers. */
  margin: BeforeAfter;
  /** Loss on the test rows. */
  loss: BeforeAfter;
  /** Number of the test rows. */
  count: number;
  /** Each measured reward of the answers to test prompts, by its name. */
  rewards: Record<string, BeforeAfter<SampleStatistics>>;
  /**
   * Share of the prompts whose answer has a higher first reward than before, ties counted half; absent
   * where no answer has a reward.
   */
  winRate?: number;
  /** Steps done. */
  steps: number;
  /** Numbers that were trained, and all numbers of the model. */
  parameters: ParameterCount;
  /** Seconds of the run, those before an interruption included. */
  seconds: number;
}

const change = z.object({ before: z.number(), after: z.number() });

/** Schema of {@linkcode PreferenceSummary}. */
export const preferenceSummarySchema: z.ZodType<PreferenceSummary> = z.object({
  accuracy: change,
  margin: change,
  loss: change,
  count: z.int(),
  rewards: z.record(
    z.string(),
    z.object({ before: statisticsSchema, after: statisticsSchema }),
  ),
  winRate: z.number().optional(),
  steps: z.int(),
  parameters: z.object({ trainable: z.int(), all: z.int() }),
  seconds: z.number(),
});
