// Made by `deno task build:settings` from the schema in kto_config.ts.

/** Settings of KTO, resolved: TRL's `KTOConfig` in camelCase. */
export interface KTOConfig {
  /** Optimizer steps; the learning rate schedule ends with the last one. */
  steps: number;
  /** Examples per forward and backward pass. Default: `8`. */
  batchSize: number;
  /** Forward and backward passes per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
  /** Peak learning rate. Default: `1e-6`. */
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
  /** Maximum number of tokens of prompt and answer together (null: no limit). Default: `1024`. */
  maxLength: number | null;
  /** Maximum number of tokens of a prompt, which keeps its end (null: no limit). Default: `512`. */
  maxPromptLength: number | null;
  /**
   * Maximum number of tokens of an answer, which keeps its start (null: no limit). Default: `null`.
   */
  maxCompletionLength: number | null;
  /** Part of prompt and answer that is kept beyond the maximum length. Default: `"keep_end"`. */
  truncationMode: "keep_start" | "keep_end";
  /** Random seed. Default: `0`. */
  seed: number;
  /** Loss of an answer; apo_zero_unpaired uses 0 in place of the KL. Default: `"kto"`. */
  lossType: "kto" | "apo_zero_unpaired";
  /** Strength with which the policy is held to the reference. Default: `0.1`. */
  beta: number;
  /** Weight of desirable answers. Default: `1`. */
  desirableWeight: number;
  /** Weight of undesirable answers. Default: `1`. */
  undesirableWeight: number;
  /**
   * Reference policy: the initial adapter, or the base model without an adapter. Default:
   * `"initial"`.
   */
  reference: "initial" | "base";
}
