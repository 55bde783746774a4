import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";
import type { SnakeCase } from "../settings/names.ts";
import { parseSettings } from "../settings/settings.ts";
import { checkWarmup } from "../training/schedules.ts";
import type { PPOConfig } from "./ppo_config_type.ts";

export type { PPOConfig };

const positiveInt = z.int().positive();
const fraction = z.number().min(0).max(1);

/**
 * Schema of PPO's settings: TRL's `PPOConfig` in camelCase with its defaults, and what Temper adds. It
 * is flat, so that a larger schema can embed it; {@linkcode checkPPOConfig} has the rules that join
 * several settings.
 */
export const ppoConfigSchema = z.strictObject({
  steps: positiveInt.default(20000)
    .describe("PPO steps of the run; the learning rate schedule ends with the last one"),
  batchSize: positiveInt.default(256)
    .describe("Rollouts per PPO step"),
  miniBatchSize: positiveInt.default(1).meta({ aliases: ["forwardBatchSize"] })
    .describe("Rollouts per forward and backward pass"),
  gradientAccumulationSteps: positiveInt.default(1)
    .describe("Minibatches per optimizer step"),
  ppoEpochs: positiveInt.default(4)
    .describe("Optimization epochs per batch of rollouts"),
  shuffleMinibatches: z.boolean().default(true)
    .describe("Shuffle the minibatches in each epoch"),

  learningRate: z.number().positive().default(1e-5)
    .describe("Peak learning rate"),
  lrScheduler: z.enum(["constant", "linear", "cosine"]).default("constant")
    .describe("Learning rate schedule after the warm-up: constant, or decay to 0"),
  warmupSteps: z.int().nonnegative().default(0)
    .describe("PPO steps of linear learning rate warm-up from 0"),
  optimizer: z.enum(["adam", "adamw"]).default("adam")
    .describe("Optimizer; adam adds the weight decay to the gradient, adamw decouples it"),
  adamBeta1: z.number().min(0).lt(1).default(0.9)
    .describe("Decay rate of Adam's first moment"),
  adamBeta2: z.number().min(0).lt(1).default(0.999)
    .describe("Decay rate of Adam's second moment"),
  adamEpsilon: z.number().positive().default(1e-8)
    .describe("Term added to Adam's denominator"),
  weightDecay: z.number().nonnegative().default(0)
    .describe("Weight decay coefficient"),
  maxGradNorm: z.number().positive().nullable().default(null)
    .describe("Maximum gradient norm; a larger gradient is scaled down to it (none: no clipping)"),
  activationMemory: z.number().nonnegative().nullable().default(null)
    .describe(
      "Maximum activation memory of a minibatch, in MiB; further layers are recomputed in the backward pass, with the same result (none: no limit)",
    ),

  adapKlCtrl: z.boolean().default(true)
    .describe("Adapt the KL coefficient to reach the target KL; otherwise it stays fixed"),
  initKlCoef: z.number().nonnegative().default(0.2)
    .describe("Initial KL coefficient: the penalty per nat of KL from the reference"),
  target: z.number().positive().default(6)
    .describe("Target KL per rollout of the adaptive coefficient, in nats"),
  horizon: z.number().positive().default(10000)
    .describe("Horizon of the adaptive KL coefficient, in rollouts"),
  reference: z.enum(["initial", "base"]).default("initial")
    .describe(
      "Reference policy for the KL: the initial adapter, or the base model without an adapter",
    ),

  gamma: fraction.default(1)
    .describe("Discount factor"),
  lam: fraction.default(0.95)
    .describe(
      "Lambda of generalized advantage estimation: 0 relies on the values, 1 on the rewards",
    ),
  cliprange: z.number().positive().default(0.2)
    .describe("Clip range for the policy loss"),
  cliprangeValue: z.number().positive().default(0.2)
    .describe("Clip range for the value loss"),
  vfCoef: z.number().nonnegative().default(0.1)
    .describe("Value loss coefficient"),
  earlyStopping: z.boolean().default(false)
    .describe("Stop a PPO step early when the policy moves too far from the rollouts"),
  targetKl: z.number().positive().default(0.1)
    .describe(
      "Target KL from the rollouts for early stopping, in nats; a step stops above 1.5 times this value",
    ),
  ratioThreshold: z.number().gt(1).nullable().default(null)
    .describe(
      "Maximum mean probability ratio of a minibatch; above it, the step has diverged (none: no limit)",
    ),

  policyDropout: z.boolean().default(false)
    .describe("Apply the model's dropout during optimization"),
  compat: z.enum(["none", "trl-0.4"]).default("none")
    .describe(
      "Compatibility mode; trl-0.4 leaves the first token of each response out of the loss, as TRL 0.4 does",
    ),
  seed: z.int().nonnegative().max(2 ** 32 - 1).default(0)
    .describe("Random seed"),
});

/** Any of PPO's settings, by its own name or by TRL's: `learningRate` or `learning_rate`. */
export type PPOConfigInput =
  & Partial<PPOConfig>
  & { [Name in keyof PPOConfig as SnakeCase<Name>]?: PPOConfig[Name] }
  & {
    /** TRL's older name of `miniBatchSize`. */
    forward_batch_size?: number;
  };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolvePPOConfig(input: PPOConfigInput = {}): PPOConfig {
  const config: PPOConfig = parseSettings(ppoConfigSchema, input);
  checkPPOConfig(config);
  return config;
}

/**
 * Checks the rules that join several settings.
 *
 * @throws {UserError} with the values that do not go together, and what would
 */
export function checkPPOConfig(config: z.output<typeof ppoConfigSchema>): void {
  const { batchSize, miniBatchSize, gradientAccumulationSteps } = config;
  const group = miniBatchSize * gradientAccumulationSteps;
  if (batchSize % group !== 0) {
    const below = batchSize - batchSize % group;
    throw new UserError(
      `\`batchSize\` ${batchSize} is not divisible by \`miniBatchSize\` × ` +
        `\`gradientAccumulationSteps\` = ${miniBatchSize} × ${gradientAccumulationSteps} = ` +
        `${group}: make it ` +
        (below > 0 ? `${below} or ${below + group}` : `${group}`),
    );
  }
  checkWarmup(config);
}
