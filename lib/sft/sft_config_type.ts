// Made by `deno task build:settings` from the schema in sft_config.ts.

/** Settings of supervised fine-tuning, resolved. */
export interface SFTConfig {
  /** Optimizer steps; the learning rate schedule ends with the last one. */
  steps: number;
  /** Examples per forward and backward pass. Default: `8`. */
  batchSize: number;
  /** Forward and backward passes per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
  /** Peak learning rate. */
  learningRate: number;
  /** Learning rate schedule after the warm-up: constant, or decay to 0. Default: `"linear"`. */
  lrScheduler: "constant" | "linear" | "cosine";
  /** Optimizer steps of linear learning rate warm-up from 0. Default: `0`. */
  warmupSteps: number;
  /** AdamW's weight decay coefficient. Default: `0`. */
  weightDecay: number;
  /**
   * Maximum gradient norm; a larger gradient is scaled down to it (null: no clipping). Default:
   * `1`.
   */
  maxGradNorm: number | null;
  /** Apply the dropout of the model and the adapter during training. Default: `true`. */
  dropout: boolean;
  /** Random seed. Default: `0`. */
  seed: number;
}
