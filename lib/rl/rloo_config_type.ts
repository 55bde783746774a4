// Made by `deno task build:settings` from the schema in rloo_config.ts.

/** Settings of RLOO, resolved: TRL's `RLOOConfig` in camelCase. */
export interface RLOOConfig {
  /** Batches of rollouts of the run; the learning rate schedule ends with the last one. */
  steps: number;
  /** Rollouts per step: prompts times generations (TRL: generation_batch_size). Default: `64`. */
  batchSize: number;
  /** Rollouts per forward and backward pass. Default: `8`. */
  miniBatchSize: number;
  /**
   * Passes per batch of rollouts, in place of its size (null: as many as the size takes). Default:
   * `null`.
   */
  stepsPerGeneration: number | null;
  /** Passes per optimizer step (null: those of a whole batch). Default: `null`. */
  gradientAccumulationSteps: number | null;
  /** Times that each batch of rollouts is trained on. Default: `1`. */
  numIterations: number;
  /**
   * Shuffle a batch's rollouts in each iteration, where it is more than one pass. Default: `true`.
   */
  shuffleMinibatches: boolean;
  /** Peak learning rate. Default: `1e-6`. */
  learningRate: number;
  /** Learning rate schedule after the warm-up: constant, or decay to 0. Default: `"linear"`. */
  lrScheduler: "constant" | "linear" | "cosine";
  /** Steps of linear learning rate warm-up from 0. Default: `0`. */
  warmupSteps: number;
  /** Decay rate of AdamW's first moment. Default: `0.9`. */
  adamBeta1: number;
  /** Decay rate of AdamW's second moment. Default: `0.999`. */
  adamBeta2: number;
  /** Term added to AdamW's denominator. Default: `1e-8`. */
  adamEpsilon: number;
  /** AdamW's weight decay coefficient. Default: `0`. */
  weightDecay: number;
  /**
   * Maximum gradient norm; a larger gradient is scaled down to it (null: no clipping). Default:
   * `1`.
   */
  maxGradNorm: number | null;
  /**
   * Maximum activation memory of a pass, in MiB; further layers are recomputed in the backward
   * pass, with the same result (null: no limit). Default: `null`.
   */
  activationMemory: number | null;
  /**
   * Reference policy for the KL: the initial adapter, or the base model without an adapter.
   * Default: `"initial"`.
   */
  reference: "initial" | "base";
  /** Weight of each reward (null: 1). Default: `null`. */
  rewardWeights: number[] | null;
  /** Divisor of the logits, in generation and in the loss. Default: `1`. */
  temperature: number;
  /** Random seed. Default: `0`. */
  seed: number;
  /** Responses to each prompt, which make up a group. Default: `2`. */
  numGenerations: number;
  /** Maximum number of tokens of a response. Default: `256`. */
  maxCompletionLength: number;
  /**
   * Coefficient of the KL from the reference, which is subtracted from the reward. Default: `0.05`.
   */
  beta: number;
  /** Clip range for the ratio of a whole response. Default: `0.2`. */
  epsilon: number;
  /**
   * Penalty that is subtracted from the reward of a response without an end token. Default: `0`.
   */
  missingEosPenalty: number;
  /** Shift and scale a batch's rewards to mean 0 and std 1. Default: `false`. */
  normalizeReward: boolean;
  /** Bound of the normalized rewards' size (null: no bound). Default: `null`. */
  rewardClipRange: number | null;
  /** Shift and scale a batch's advantages to mean 0 and std 1. Default: `false`. */
  normalizeAdvantages: boolean;
}
