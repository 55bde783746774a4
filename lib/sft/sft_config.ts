import { z } from "../packages/zod.ts";
import { parseSettings } from "../settings/settings.ts";
import type { SFTConfig } from "./sft_config_type.ts";

export type { SFTConfig };

/** Steps and learning rate, and any of the other settings. */
export type SFTConfigInput = Pick<SFTConfig, "steps" | "learningRate"> & Partial<SFTConfig>;

/** Schema of the settings of supervised fine-tuning; most are those of Hugging Face's Trainer. */
export const sftConfigSchema = z.strictObject({
  steps: z.int().positive()
    .describe("Optimizer steps; the learning rate schedule ends with the last one"),
  batchSize: z.int().positive().default(8)
    .describe("Examples per forward and backward pass"),
  gradientAccumulationSteps: z.int().positive().default(1)
    .describe("Forward and backward passes per optimizer step"),
  learningRate: z.number().positive()
    .describe("Peak learning rate"),
  lrScheduler: z.enum(["constant", "linear", "cosine"]).default("linear")
    .describe("Learning rate schedule after the warm-up: constant, or decay to 0"),
  warmupSteps: z.int().nonnegative().default(0)
    .describe("Optimizer steps of linear learning rate warm-up from 0"),
  weightDecay: z.number().nonnegative().default(0)
    .describe("AdamW's weight decay coefficient"),
  maxGradNorm: z.number().positive().nullable().default(1)
    .describe("Maximum gradient norm; a larger gradient is scaled down to it (none: no clipping)"),
  dropout: z.boolean().default(true)
    .describe("Apply the dropout of the model and the adapter during training"),
  seed: z.int().nonnegative().max(2 ** 32 - 1).default(0)
    .describe("Random seed"),
});

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveSFTConfig(input: SFTConfigInput): SFTConfig {
  return parseSettings(sftConfigSchema, input);
}
