import { z } from "../../../packages/zod.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";

/** File in a run's folder with the measurement before training. */
export const BEFORE_FILE = "measurement_before.json";

/** A number before and after training. */
export interface BeforeAfter {
  before: number;
  after: number;
}

/** Headline numbers of a reward model's training: its `summary.json`. */
export interface RewardSummary {
  /** Run's folder. */
  output: string;
  /** Folder of what was trained, which `--reward` takes. */
  trained: string;
  /** Share of the measured pairs whose chosen answer has the larger reward. */
  accuracy: BeforeAfter;
  /** Mean of the chosen answer's reward minus the rejected one's. */
  margin: BeforeAfter;
  /** Mean loss of the measured pairs. */
  loss: BeforeAfter;
  /** Number of measured pairs, which were not trained on. */
  count: number;
  /** Optimizer steps done. */
  steps: number;
  /** Numbers that were trained, and all numbers of the model. */
  parameters: ParameterCount;
  /** Seconds of the run, those before an interruption included. */
  seconds: number;
}

const change = z.object({ before: z.number(), after: z.number() });

/** Schema of {@linkcode RewardSummary}. */
export const rewardSummarySchema: z.ZodType<RewardSummary> = z.object({
  output: z.string(),
  trained: z.string(),
  accuracy: change,
  margin: change,
  loss: change,
  count: z.int(),
  steps: z.int(),
  parameters: z.object({ trainable: z.int(), all: z.int() }),
  seconds: z.number(),
});
