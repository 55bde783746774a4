/** PEFT's LoraConfig, with bias "none" (https://huggingface.co/docs/peft). */
export interface LoraConfig {
  /** Rank of the update. */
  r: number;
  /** Numerator of the update's scale, loraAlpha / r. */
  loraAlpha: number;
  /** Probability of dropping an element of the update's input in training. */
  loraDropout: number;
  /**
   * Linear layers that are adapted: whole names, or ends of names after a dot, as `q` and `v`; a
   * regular expression that matches whole names; or "all-linear", every linear layer but the output
   * head.
   */
  targetModules: readonly string[] | string;
  /** True for the scale loraAlpha / √r (rank-stabilized LoRA, Kalajdzievski 2023). */
  useRslora?: boolean;
  /**
   * Ranks of single layers, by their whole names or the ends of them after a dot; regular
   * expressions as well. The first that matches counts.
   */
  rankPattern?: Readonly<Record<string, number>>;
  /** Values of loraAlpha for single layers, by names as in `rankPattern`. */
  alphaPattern?: Readonly<Record<string, number>>;
  /** Layers that are not adapted although they are targets, by names or a regular expression. */
  excludeModules?: readonly string[] | string;
  /** Numbers of the blocks whose layers are adapted, from 0. */
  layersToTransform?: readonly number[] | number;
  /**
   * Names of the lists of blocks that `layersToTransform` counts in, as "block" of T5; by default
   * the last number in a layer's name is the block's.
   */
  layersPattern?: readonly string[] | string;
}

/** Numbers of a layer's update. */
export interface LoraNumbers {
  /** Rank. */
  readonly r: number;
  /** Numerator of the scale. */
  readonly alpha: number;
  /** Factor of the update. */
  readonly scale: number;
}
