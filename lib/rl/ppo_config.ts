import { z } from "../packages/zod.ts";
import { UserError } from "../errors.ts";

const positiveInt = z.int().positive();
const fraction = z.number().min(0).max(1);

/** Every setting of PPO, resolved: TRL's `PPOConfig` in camelCase, and what Temper adds. */
export interface PPOConfig {
  /** PPO steps of the run; the learning rate's schedule ends with the last one; default 20000. */
  steps: number;
  /** Rollouts of one PPO step; default 256. */
  batchSize: number;
  /** Rollouts of one forward and backward pass; default 1. */
  miniBatchSize: number;
  /** Minibatches that share one optimizer step, as if they were a single larger one; default 1. */
  gradientAccumulationSteps: number;
  /** Times that each batch is optimised on; default 4. */
  ppoEpochs: number;
  /** Draw the minibatches of each epoch in a new random order; default true. */
  shuffleMinibatches: boolean;
  /** Learning rate at the schedule's peak; default 1e-5. */
  learningRate: number;
  /** How the learning rate moves after the warm-up: stays, or falls to 0; default "constant". */
  lrScheduler: "constant" | "linear" | "cosine";
  /** PPO steps over which the learning rate rises linearly from 0; default 0. */
  warmupSteps: number;
  /**
   * Adam adds the weight decay to the gradient, AdamW takes it off the weights; default
   * "adam".
   */
  optimizer: "adam" | "adamw";
  /** Decay of Adam's mean of gradients; default 0.9. */
  adamBeta1: number;
  /** Decay of Adam's mean of squared gradients; default 0.999. */
  adamBeta2: number;
  /** Term that keeps Adam from dividing by zero; default 1e-8. */
  adamEpsilon: number;
  /** Weight decay; default 0. */
  weightDecay: number;
  /**
   * Largest global norm of the gradient, longer ones are scaled to it; null for no limit;
   * default null.
   */
  maxGradNorm: number | null;
  /**
   * MiB of activations that a minibatch may keep for its backward pass: layers beyond are computed
   * again, with the same result; null for no limit; default null.
   */
  activationMemory: number | null;
  /** Adapt the KL coefficient to keep the KL at its target, instead of fixing it; default true. */
  adapKlCtrl: boolean;
  /**
   * KL coefficient at the start: the price of one nat of distance from the reference; default
   * 0.2.
   */
  initKlCoef: number;
  /** KL in nats a rollout that the adaptive coefficient aims at; default 6. */
  target: number;
  /** Rollouts over which the adaptive coefficient reacts; default 10000. */
  horizon: number;
  /**
   * What the KL is measured from: the adapter as it was at the start, or no adapter; default
   * "initial".
   */
  reference: "initial" | "base";
  /** Discount of later rewards; default 1. */
  gamma: number;
  /**
   * Lambda of generalised advantage estimation: 0 trusts the values, 1 the rewards; default
   * 0.95.
   */
  lam: number;
  /**
   * How far a token's probability ratio may move from 1 before its gain is cut off; default
   * 0.2.
   */
  cliprange: number;
  /** How far a value may move from its old one before its loss is taken unclipped; default 0.2. */
  cliprangeValue: number;
  /** Weight of the value loss; default 0.1. */
  vfCoef: number;
  /** End a PPO step's optimisation when the policy has moved too far; default false. */
  earlyStopping: boolean;
  /**
   * Early stopping ends the step when the policy's KL from the rollouts exceeds 1.5 times
   * this; default 0.1.
   */
  targetKl: number;
  /**
   * A step diverges when the mean probability ratio of a minibatch is above this; null for no
   * limit; default null. TRL has 10 since 0.4.2.
   */
  ratioThreshold: number | null;
  /** Apply the model's dropout in the optimisation passes; default false. */
  policyDropout: boolean;
  /**
   * "trl-0.4" leaves each response's first token out of the loss, as TRL 0.4 does; default
   * "none".
   */
  compat: "none" | "trl-0.4";
  /** Seed of everything random in PPO; default 0. */
  seed: number;
}

/**
 * The schema of {@linkcode PPOConfig}, with its defaults. One flat object, so that a larger
 * configuration can embed it; rules that join several settings are in {@linkcode checkPPOConfig}.
 */
export const ppoConfigSchema = z.strictObject({
  steps: positiveInt.default(20000)
    .describe("PPO steps of the run; the learning rate's schedule ends with the last one"),
  batchSize: positiveInt.default(256)
    .describe("rollouts of one PPO step"),
  miniBatchSize: positiveInt.default(1)
    .describe("rollouts of one forward and backward pass"),
  gradientAccumulationSteps: positiveInt.default(1)
    .describe("minibatches that share one optimizer step, as if they were a single larger one"),
  ppoEpochs: positiveInt.default(4)
    .describe("times that each batch is optimised on"),
  shuffleMinibatches: z.boolean().default(true)
    .describe("draw the minibatches of each epoch in a new random order"),

  learningRate: z.number().positive().default(1e-5)
    .describe("learning rate at the schedule's peak"),
  lrScheduler: z.enum(["constant", "linear", "cosine"]).default("constant")
    .describe("how the learning rate moves after the warm-up: stays, or falls to 0"),
  warmupSteps: z.int().nonnegative().default(0)
    .describe("PPO steps over which the learning rate rises linearly from 0"),
  optimizer: z.enum(["adam", "adamw"]).default("adam")
    .describe("Adam adds the weight decay to the gradient, AdamW takes it off the weights"),
  adamBeta1: z.number().min(0).lt(1).default(0.9)
    .describe("decay of Adam's mean of gradients"),
  adamBeta2: z.number().min(0).lt(1).default(0.999)
    .describe("decay of Adam's mean of squared gradients"),
  adamEpsilon: z.number().positive().default(1e-8)
    .describe("term that keeps Adam from dividing by zero"),
  weightDecay: z.number().nonnegative().default(0)
    .describe("weight decay"),
  maxGradNorm: z.number().positive().nullable().default(null)
    .describe(
      "largest global norm of the gradient, longer ones are scaled to it; null for no limit",
    ),
  activationMemory: z.number().nonnegative().nullable().default(null)
    .describe(
      "MiB of activations kept for the backward pass; layers beyond are computed again, with the same result; else no limit",
    ),

  adapKlCtrl: z.boolean().default(true)
    .describe("adapt the KL coefficient to keep the KL at its target, instead of fixing it"),
  initKlCoef: z.number().nonnegative().default(0.2)
    .describe("KL coefficient at the start: the price of one nat of distance from the reference"),
  target: z.number().positive().default(6)
    .describe("KL in nats a rollout that the adaptive coefficient aims at"),
  horizon: z.number().positive().default(10000)
    .describe("rollouts over which the adaptive coefficient reacts"),
  reference: z.enum(["initial", "base"]).default("initial")
    .describe("what the KL is measured from: the adapter as it was at the start, or no adapter"),

  gamma: fraction.default(1)
    .describe("discount of later rewards"),
  lam: fraction.default(0.95)
    .describe("lambda of generalised advantage estimation: 0 trusts the values, 1 the rewards"),
  cliprange: z.number().positive().default(0.2)
    .describe("how far a token's probability ratio may move from 1 before its gain is cut off"),
  cliprangeValue: z.number().positive().default(0.2)
    .describe("how far a value may move from its old one before its loss is taken unclipped"),
  vfCoef: z.number().nonnegative().default(0.1)
    .describe("weight of the value loss"),
  earlyStopping: z.boolean().default(false)
    .describe("end a PPO step's optimisation when the policy has moved too far"),
  targetKl: z.number().positive().default(0.1)
    .describe(
      "early stopping ends the step when the policy's KL from the rollouts exceeds 1.5 times this",
    ),
  ratioThreshold: z.number().gt(1).nullable().default(null)
    .describe("a step diverges when the mean probability ratio of a minibatch is above this"),

  policyDropout: z.boolean().default(false)
    .describe("apply the model's dropout in the optimisation passes"),
  compat: z.enum(["none", "trl-0.4"]).default("none")
    .describe("trl-0.4 leaves each response's first token out of the loss, as TRL 0.4 does"),
  seed: z.int().nonnegative().max(2 ** 32 - 1).default(0)
    .describe("seed of everything random in PPO"),
});

/** What a caller gives: any subset of {@linkcode PPOConfig}. */
export type PPOConfigInput = Partial<PPOConfig>;

/**
 * Fills in the defaults and checks every setting.
 * @throws {UserError} naming the first setting that is not possible and its value.
 */
export function resolvePPOConfig(input: PPOConfigInput = {}): PPOConfig {
  const parsed = ppoConfigSchema.safeParse(input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = issue.path.length > 0 ? ` ${issue.path.join(".")}` : "";
    throw new UserError(`PPO setting${at}: ${issue.message}`, { cause: parsed.error });
  }
  checkPPOConfig(parsed.data);
  return parsed.data;
}

/**
 * Checks the rules that join several settings.
 * @throws {UserError} saying the values that do not go together and what would.
 */
export function checkPPOConfig(config: PPOConfig): void {
  const { batchSize, miniBatchSize, gradientAccumulationSteps, warmupSteps, steps } = config;
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
  if (warmupSteps > steps) {
    throw new UserError(
      `\`warmupSteps\` ${warmupSteps} is more than \`steps\` ${steps}: the warm-up would not end; ` +
        `make it at most ${steps}`,
    );
  }
}
