import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";

/** Settings of supervised fine-tuning, resolved. */
export interface SFTConfig {
  /** Optimizer steps; the learning rate's schedule ends with the last one. */
  steps: number;
  /** Examples of one forward and backward pass; default 8. */
  batchSize: number;
  /** Passes that share one optimizer step, as if they were a single larger one; default 1. */
  gradientAccumulationSteps: number;
  /** Learning rate at the schedule's peak. */
  learningRate: number;
  /** How the learning rate moves after the warm-up: stays, or falls to 0; default "linear". */
  lrScheduler: "constant" | "linear" | "cosine";
  /** Optimizer steps over which the learning rate rises linearly from 0; default 0. */
  warmupSteps: number;
  /** AdamW's weight decay; default 0. */
  weightDecay: number;
  /** Largest global norm of the gradient, longer ones are scaled to it; null for no limit; default 1. */
  maxGradNorm: number | null;
  /** Apply the dropout of the model and the adapter; default true. */
  dropout: boolean;
  /** Seed of everything random; default 0. */
  seed: number;
}

/** What a caller gives: the steps, the learning rate, and any of the others. */
export type SFTConfigInput = Pick<SFTConfig, "steps" | "learningRate"> & Partial<SFTConfig>;

/** The schema of {@linkcode SFTConfig}; names and most defaults are those of Hugging Face's Trainer. */
export const sftConfigSchema = z.strictObject({
  steps: z.int().positive()
    .describe("optimizer steps; the learning rate's schedule ends with the last one"),
  batchSize: z.int().positive().default(8)
    .describe("examples of one forward and backward pass"),
  gradientAccumulationSteps: z.int().positive().default(1)
    .describe("passes that share one optimizer step, as if they were a single larger one"),
  learningRate: z.number().positive()
    .describe("learning rate at the schedule's peak"),
  lrScheduler: z.enum(["constant", "linear", "cosine"]).default("linear")
    .describe("how the learning rate moves after the warm-up: stays, or falls to 0"),
  warmupSteps: z.int().nonnegative().default(0)
    .describe("optimizer steps over which the learning rate rises linearly from 0"),
  weightDecay: z.number().nonnegative().default(0)
    .describe("AdamW's weight decay"),
  maxGradNorm: z.number().positive().nullable().default(1)
    .describe(
      "largest global norm of the gradient, longer ones are scaled to it; none for no limit",
    ),
  dropout: z.boolean().default(true)
    .describe("apply the dropout of the model and the adapter"),
  seed: z.int().nonnegative().max(2 ** 32 - 1).default(0)
    .describe("seed of everything random"),
});

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible
 */
export function resolveSFTConfig(input: SFTConfigInput): SFTConfig {
  const parsed = sftConfigSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(`SFT setting ${issue.path.join(".")}: ${issue.message}`, {
    cause: parsed.error,
  });
}
