// Made by `deno task build:settings` from the schema in ppo_config.ts.

/** Settings of PPO, resolved: TRL's `PPOConfig` in camelCase, and what Temper adds. */
export interface PPOConfig {
  /** PPO steps of the run; the learning rate schedule ends with the last one. Default: `20000`. */
  steps: number;
  /** Rollouts per PPO step. Default: `256`. */
  batchSize: number;
  /** Rollouts per forward and backward pass. Default: `1`. */
  miniBatchSize: number;
  /** Minibatches per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
  /** Optimization epochs per batch of rollouts. Default: `4`. */
  ppoEpochs: number;
  /** Shuffle the minibatches in each epoch. Default: `true`. */
  shuffleMinibatches: boolean;
  /** Peak learning rate. Default: `1e-5`. */
  learningRate: number;
  /** Learning rate schedule after the warm-up: constant, or decay to 0. Default: `"constant"`. */
  lrScheduler: "constant" | "linear" | "cosine";
  /** PPO steps of linear learning rate warm-up from 0. Default: `0`. */
  warmupSteps: number;
  /**
   * Optimizer; adam adds the weight decay to the gradient, adamw decouples it. Default: `"adam"`.
   */
  optimizer: "adam" | "adamw";
  /** Decay rate of Adam's first moment. Default: `0.9`. */
  adamBeta1: number;
  /** Decay rate of Adam's second moment. Default: `0.999`. */
  adamBeta2: number;
  /** Term added to Adam's denominator. Default: `1e-8`. */
  adamEpsilon: number;
  /** Weight decay coefficient. Default: `0`. */
  weightDecay: number;
  /**
   * Maximum gradient norm; a larger gradient is scaled down to it (null: no clipping). Default:
   * `null`.
   */
  maxGradNorm: number | null;
  /**
   * Maximum activation memory of a minibatch, in MiB; further layers are recomputed in the backward
   * pass, with the same result (null: no limit). Default: `null`.
   */
  activationMemory: number | null;
  /** Adapt the KL coefficient to reach the target KL; otherwise it stays fixed. Default: `true`. */
  adapKlCtrl: boolean;
  /** Initial KL coefficient: the penalty per nat of KL from the reference. Default: `0.2`. */
  initKlCoef: number;
  /** Target KL per rollout of the adaptive coefficient, in nats. Default: `6`. */
  target: number;
  /** Horizon of the adaptive KL coefficient, in rollouts. Default: `10000`. */
  horizon: number;
  /**
   * Reference policy for the KL: the initial adapter, or the base model without an adapter.
   * Default: `"initial"`.
   */
  reference: "initial" | "base";
  /** Discount factor. Default: `1`. */
  gamma: number;
  /**
   * Lambda of generalized advantage estimation: 0 relies on the values, 1 on the rewards. Default:
   * `0.95`.
   */
  lam: number;
  /** Clip range for the policy loss. Default: `0.2`. */
  cliprange: number;
  /** Clip range for the value loss. Default: `0.2`. */
  cliprangeValue: number;
  /** Value loss coefficient. Default: `0.1`. */
  vfCoef: number;
  /** Stop a PPO step early when the policy moves too far from the rollouts. Default: `false`. */
  earlyStopping: boolean;
  /**
   * Target KL from the rollouts for early stopping, in nats; a step stops above 1.5 times this
   * value. Default: `0.1`.
   */
  targetKl: number;
  /**
   * Maximum mean probability ratio of a minibatch; above it, the step has diverged (null: no
   * limit). Default: `null`.
   */
  ratioThreshold: number | null;
  /** Apply the model's dropout during optimization. Default: `false`. */
  policyDropout: boolean;
  /**
   * Compatibility mode; trl-0.4 leaves the first token of each response out of the loss, as TRL 0.4
   * does. Default: `"none"`.
   */
  compat: "none" | "trl-0.4";
  /** Random seed. Default: `0`. */
  seed: number;
}
