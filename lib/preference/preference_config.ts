import { z } from "../packages/zod.ts";

const lengthLimit = z.int().positive().nullable();

/** Settings that the algorithms on preferences share; they are those of TRL's configs. */
export const preferenceConfigFields = {
  steps: z.int().positive()
    .describe("Optimizer steps; the learning rate schedule ends with the last one"),
  batchSize: z.int().positive().default(8).meta({ aliases: ["perDeviceTrainBatchSize"] })
    .describe("Examples per forward and backward pass"),
  gradientAccumulationSteps: z.int().positive().default(1)
    .describe("Forward and backward passes per optimizer step"),

  learningRate: z.number().positive().default(1e-6)
    .describe("Peak learning rate"),
  lrScheduler: z.enum(["constant", "linear", "cosine"]).default("linear")
    .describe("Learning rate schedule after the warm-up: constant, or decay to 0"),
  warmupSteps: z.int().nonnegative().default(0)
    .describe("Optimizer steps of linear learning rate warm-up from 0"),
  adamBeta1: z.number().min(0).lt(1).default(0.9)
    .describe("Decay rate of AdamW's first moment"),
  adamBeta2: z.number().min(0).lt(1).default(0.999)
    .describe("Decay rate of AdamW's second moment"),
  adamEpsilon: z.number().positive().default(1e-8)
    .describe("Term added to AdamW's denominator"),
  weightDecay: z.number().nonnegative().default(0)
    .describe("AdamW's weight decay coefficient"),
  maxGradNorm: z.number().positive().nullable().default(1)
    .describe("Maximum gradient norm; a larger gradient is scaled down to it (none: no clipping)"),
  activationMemory: z.number().nonnegative().nullable().default(null)
    .describe(
      "Maximum activation memory of a pass, in MiB; further layers are recomputed in the backward pass, with the same result (none: no limit)",
    ),

  maxLength: lengthLimit.default(1024)
    .describe("Maximum number of tokens of prompt and answer together (none: no limit)"),
  maxPromptLength: lengthLimit.default(512)
    .describe("Maximum number of tokens of a prompt, which keeps its end (none: no limit)"),
  maxCompletionLength: lengthLimit.default(null)
    .describe("Maximum number of tokens of an answer, which keeps its start (none: no limit)"),
  truncationMode: z.enum(["keep_start", "keep_end"]).default("keep_end")
    .describe("Part of prompt and answer that is kept beyond the maximum length"),
  seed: z.int().nonnegative().max(2 ** 32 - 1).default(0)
    .describe("Random seed"),
};

/** Policy that the log-probabilities are compared with. */
export const referenceField = z.enum(["initial", "base"]).default("initial")
  .describe("Reference policy: the initial adapter, or the base model without an adapter");
