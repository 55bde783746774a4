// Made by `deno task build:settings` from the schema in reward_config.ts.

/** Settings of a reward model's training, resolved: TRL's `RewardConfig` in camelCase. */
export interface RewardConfig {
  /** Optimizer steps; the learning rate schedule ends with the last one. */
  steps: number;
  /** Examples per forward and backward pass. Default: `8`. */
  batchSize: number;
  /** Forward and backward passes per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
  /** Peak learning rate. Default: `1e-4`. */
  learningRate: number;
  /** Learning rate schedule after the warm-up: constant, or decay to 0. Default: `"linear"`. */
  lrScheduler: "constant" | "linear" | "cosine";
  /** Optimizer steps of linear learning rate warm-up from 0. Default: `0`. */
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
  /** Random seed. Default: `0`. */
  seed: number;
  /**
   * Maximum number of tokens of prompt and answer together; pairs with a longer text are left out
   * (null: the model's limit). Default: `1024`.
   */
  maxLength: number | null;
  /**
   * Weight of the square of a pair's summed rewards, which keeps them around 0 (null: 0). Default:
   * `null`.
   */
  centerRewardsCoefficient: number | null;
  /**
   * Compatibility mode; trl-0.19 compares every pair of a batch with every margin of it, as TRL
   * 0.19 does. Default: `"none"`.
   */
  compat: "none" | "trl-0.19";
}
