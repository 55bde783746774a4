import { z } from "../../../packages/zod.ts";
import type { SampleStatistics } from "../../../evaluation/statistics.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";

/** File in a run's folder with the measurement before training. */
export const BEFORE_FILE = "toxicity_before.json";

/** Headline numbers of a PPO run: its `summary.json`. */
export interface Summary {
  /** Toxicity of the policy on prompts that were not trained on, as TRL reads it. */
  toxicity: { before: SampleStatistics; after: SampleStatistics };
  /** Mean reward of the same responses. */
  reward: { before: number; after: number };
  /** Steps done. */
  steps: number;
  /** Numbers that were trained, and all numbers of the model. */
  parameters: ParameterCount;
  /** Seconds of the run, those before an interruption included. */
  seconds: number;
}

const statistics = z.object({
  mean: z.number(),
  std: z.number(),
  count: z.int(),
  interval: z.tuple([z.number(), z.number()]),
});

/** Schema of {@linkcode Summary}. */
export const summarySchema: z.ZodType<Summary> = z.object({
  toxicity: z.object({ before: statistics, after: statistics }),
  reward: z.object({ before: z.number(), after: z.number() }),
  steps: z.int(),
  parameters: z.object({ trainable: z.int(), all: z.int() }),
  seconds: z.number(),
});
