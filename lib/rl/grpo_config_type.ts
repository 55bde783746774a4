// Made by `deno task build:settings` from the schema in grpo_config.ts.

/** Settings of GRPO, resolved: TRL's `GRPOConfig` in camelCase. */
export interface GRPOConfig {
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
  /** Responses to each prompt, which make up a group. Default: `8`. */
  numGenerations: number;
  /** Maximum number of tokens of a response. Default: `256`. */
  maxCompletionLength: number;
  /**
   * Mean over the tokens: of each response, then over responses (grpo), of a pass (bnpo), with a
   * constant length (dr_grpo), of the whole optimizer step (dapo). Default: `"dapo"`.
   */
  lossType: "grpo" | "bnpo" | "dr_grpo" | "dapo";
  /** Coefficient of the KL from the reference; 0 needs no reference. Default: `0`. */
  beta: number;
  /** Lower clip range: the ratio is at least 1 - epsilon. Default: `0.2`. */
  epsilon: number;
  /** Upper clip range: the ratio is at most 1 + epsilonHigh (null: epsilon). Default: `null`. */
  epsilonHigh: number | null;
  /**
   * Upper bound of the ratio that is not clipped, for two-sided clipping (null: no bound). Default:
   * `null`.
   */
  delta: number | null;
  /** Std that advantages are divided by: the group's, the batch's, or none. Default: `"group"`. */
  scaleRewards: "group" | "batch" | "none";
  /** Unit of the ratio: a token, or the whole response (sequence: GSPO). Default: `"token"`. */
  importanceSamplingLevel: "token" | "sequence";
  /** Leave responses without an end token out of the loss. Default: `false`. */
  maskTruncatedCompletions: boolean;
  /** Leave groups whose rewards are all equal out of the loss, as DAPO does. Default: `false`. */
  dynamicSampling: boolean;
  /** Move the reference towards the policy as training goes on. Default: `false`. */
  syncRefModel: boolean;
  /** Share of the policy in the reference when it is moved. Default: `0.6`. */
  refModelMixupAlpha: number;
  /** Steps between moves of the reference. Default: `512`. */
  refModelSyncSteps: number;
}
