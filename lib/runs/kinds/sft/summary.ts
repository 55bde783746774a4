import { z } from "../../../packages/zod.ts";
import { type MeanRouge, ROUGE_TYPES } from "../../../evaluation/rouge.ts";
import type { ParameterCount } from "../../../models/parameter_count.ts";

/** File in a run's folder with the measurement before training. */
export const BEFORE_FILE = "measurement_before.json";

/** Headline numbers of a run of supervised fine-tuning: its `summary.json`. */
export interface SftSummary {
  /** Run's folder. */
  output: string;
  /** Folder of the adapter or the model that was trained. */
  trained: string;
  /** Mean of -log p over the labels of the measured examples, in nats. */
  loss: { before: number; after: number };
  /** Mean F-measures of the measured examples' greedy summaries, 0 … 1; null without prompts. */
  rouge: { before: MeanRouge; after: MeanRouge } | null;
  /** Optimizer steps done. */
  steps: number;
  /** Numbers that were trained, and all numbers of the model. */
  parameters: ParameterCount;
  /** Seconds of the run, those before an interruption included. */
  seconds: number;
}

/** Schema of mean ROUGE scores. */
export const rougeSchema = z.object(
  Object.fromEntries(ROUGE_TYPES.map((type) => [type, z.number()])),
) as unknown as z.ZodType<MeanRouge>;

/** Schema of {@linkcode SftSummary}. */
export const sftSummarySchema: z.ZodType<SftSummary> = z.object({
  output: z.string(),
  trained: z.string(),
  loss: z.object({ before: z.number(), after: z.number() }),
  rouge: z.object({ before: rougeSchema, after: rougeSchema }).nullable(),
  steps: z.int(),
  parameters: z.object({ trainable: z.int(), all: z.int() }),
  seconds: z.number(),
});
