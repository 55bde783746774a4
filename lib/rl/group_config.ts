import { z } from "../packages/zod.ts";
import { optimizerFields } from "../training/optimizer_fields.ts";
import { checkWarmup } from "../training/schedules.ts";
import { UserError } from "../errors.ts";
import type { GRPOConfig } from "./grpo_config_type.ts";
import type { RLOOConfig } from "./rloo_config_type.ts";

const positiveInt = z.int().positive();

/** Default number of rollouts per pass. */
const MINI_BATCH_SIZE = 8;

/** Settings that the algorithms on groups of responses share; most are those of TRL's configs. */
export const groupConfigFields = {
  steps: positiveInt
    .describe("Batches of rollouts of the run; the learning rate schedule ends with the last one"),
  batchSize: positiveInt.default(64)
    .meta({ aliases: ["generationBatchSize"] })
    .describe("Rollouts per step: prompts times generations (TRL: generation_batch_size)"),
  miniBatchSize: positiveInt.default(MINI_BATCH_SIZE).meta({ aliases: ["perDeviceTrainBatchSize"] })
    .describe("Rollouts per forward and backward pass"),
  stepsPerGeneration: positiveInt.nullable().default(null)
    .describe(
      "Passes per batch of rollouts, in place of its size (none: as many as the size takes)",
    ),
  gradientAccumulationSteps: positiveInt.nullable().default(null)
    .describe("Passes per optimizer step (none: those of a whole batch)"),
  numIterations: positiveInt.default(1).meta({ aliases: ["numPpoEpochs"] })
    .describe("Times that each batch of rollouts is trained on"),
  shuffleMinibatches: z.boolean().default(true)
    .describe("Shuffle a batch's rollouts in each iteration, where it is more than one pass"),

  ...optimizerFields("Steps"),

  reference: z.enum(["initial", "base"]).default("initial")
    .describe(
      "Reference policy for the KL: the initial adapter, or the base model without an adapter",
    ),
  rewardWeights: z.array(z.number()).nullable().default(null)
    .describe("Weight of each reward (none: 1)"),
  temperature: z.number().positive().default(1)
    .describe("Divisor of the logits, in generation and in the loss"),
  seed: z.int().nonnegative().max(2 ** 32 - 1).default(0)
    .describe("Random seed"),
};

/** Resolved settings that the algorithms on groups share. */
export type GroupConfig = Pick<GRPOConfig, keyof GRPOConfig & keyof RLOOConfig>;

/** Settings with the batch size that `stepsPerGeneration` asks for, where none is given. */
export function withBatchSize(
  settings: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { batchSize, stepsPerGeneration, miniBatchSize = MINI_BATCH_SIZE } = settings;
  const [passes, rows] = [stepsPerGeneration, miniBatchSize]
    .map((value) => positiveInt.safeParse(value).data);
  // The schema refuses values that are no numbers of rollouts.
  if (passes === undefined || rows === undefined) return settings;
  return { ...settings, batchSize: batchSize ?? passes * rows };
}

/**
 * Checks the rules that join several settings.
 *
 * @throws {UserError} with the values that do not go together, and what would
 */
export function checkGroupConfig(config: GroupConfig): void {
  const { batchSize, miniBatchSize, stepsPerGeneration, numGenerations } = config;
  if (stepsPerGeneration !== null && batchSize !== stepsPerGeneration * miniBatchSize) {
    throw new UserError(
      `\`batchSize\` ${batchSize} is not \`stepsPerGeneration\` ${stepsPerGeneration} × ` +
        `\`miniBatchSize\` ${miniBatchSize} = ${stepsPerGeneration * miniBatchSize}: leave out ` +
        "`batchSize` or `stepsPerGeneration`",
    );
  }
  const update = rowsOfUpdate(config);
  const divides = (divisor: number, name: string) => {
    if (batchSize % divisor === 0) return;
    const below = batchSize - batchSize % divisor;
    throw new UserError(
      `\`batchSize\` ${batchSize} is not divisible by ${name} = ${divisor}: make it ` +
        (below > 0 ? `${below} or ${below + divisor}` : `${divisor}`),
    );
  };
  divides(numGenerations, "`numGenerations`");
  divides(update, "`miniBatchSize` × `gradientAccumulationSteps`");
  checkWarmup(config);
}

/** Rollouts of an optimizer step. */
export function rowsOfUpdate(
  { batchSize, miniBatchSize, gradientAccumulationSteps }: GroupConfig,
): number {
  if (gradientAccumulationSteps === null) return batchSize;
  return miniBatchSize * gradientAccumulationSteps;
}
