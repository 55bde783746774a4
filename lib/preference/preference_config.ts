import { z } from "../packages/zod.ts";
import { optimizerFields } from "../training/optimizer_fields.ts";

const lengthLimit = z.int().positive().nullable();

/** Settings that the algorithms on preferences share; they are those of TRL's configs. */
export const preferenceConfigFields = {
  steps: z.int().positive()
    .describe("Optimizer steps; the learning rate schedule ends with the last one"),
  batchSize: z.int().positive().default(8).meta({ aliases: ["perDeviceTrainBatchSize"] })
    .describe("Examples per forward and backward pass"),
  gradientAccumulationSteps: z.int().positive().default(1)
    .describe("Forward and backward passes per optimizer step"),

  ...optimizerFields("Optimizer steps"),

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
