import { z } from "../packages/zod.ts";

/**
 * Settings of AdamW and its learning rate, with the names and defaults of TRL's configs.
 *
 * @param steps name of the steps that the learning rate counts, for the descriptions
 */
// deno-lint-ignore explicit-module-boundary-types
export function optimizerFields(steps: string) {
  return {
    learningRate: z.number().positive().default(1e-6)
      .describe("Peak learning rate"),
    lrScheduler: z.enum(["constant", "linear", "cosine"]).default("linear")
      .describe("Learning rate schedule after the warm-up: constant, or decay to 0"),
    warmupSteps: z.int().nonnegative().default(0)
      .describe(`${steps} of linear learning rate warm-up from 0`),
    adamBeta1: z.number().min(0).lt(1).default(0.9)
      .describe("Decay rate of AdamW's first moment"),
    adamBeta2: z.number().min(0).lt(1).default(0.999)
      .describe("Decay rate of AdamW's second moment"),
    adamEpsilon: z.number().positive().default(1e-8)
      .describe("Term added to AdamW's denominator"),
    weightDecay: z.number().nonnegative().default(0)
      .describe("AdamW's weight decay coefficient"),
    maxGradNorm: z.number().positive().nullable().default(1)
      .describe(
        "Maximum gradient norm; a larger gradient is scaled down to it (none: no clipping)",
      ),
    activationMemory: z.number().nonnegative().nullable().default(null)
      .describe(
        "Maximum activation memory of a pass, in MiB; further layers are recomputed in the backward pass, with the same result (none: no limit)",
      ),
  };
}
