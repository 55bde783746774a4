// Made by `deno task build:settings` from the schema in reward_config.ts.

/** Settings of a run that trains a reward model, resolved. */
export interface RewardRunConfig {
  /** Kind of the run. Default: `"reward"`. */
  kind: "reward";
  /** Passes over the training pairs. Default: `1`. */
  epochs: number;
  /** Optimizer steps (default: whole epochs). */
  steps: number | null;
  /** Random seed. Default: `0`. */
  seed: number;
  /** Folder to create for the results (default: runs/<time>-<name>). */
  output: string | null;
  /** Run name (default: the model's name). */
  name: string | null;
  /** Steps between checkpoints; 0 saves one only at the end. Default: `100`. */
  saveEvery: number;
  /** Number of latest checkpoints to keep. Default: `2`. */
  keep: number;
  /**
   * Save the whole classifier, with the adapter folded in, in model/; otherwise the adapter with
   * its head in adapter/. Default: `true`.
   */
  merge: boolean;
  /**
   * Additional log of the metrics; tensorboard writes to tensorboard/ in the run's folder. Default:
   * `"none"`.
   */
  log: "none" | "tensorboard";
  /** Show a progress bar; otherwise plain lines. Default: `true`. */
  progress: boolean;
  /**
   * Model: a classifier with one label, or another model (decoder-only, RoBERTa, BERT, DistilBERT,
   * T5), which gets a new head; a folder, or a name on the Hugging Face Hub (org/name@revision).
   * Default: `"demo/tiny-roberta-toxicity"`.
   */
  model: string;
  /** PEFT LoRA adapter to start from: a folder or a name on the Hub (default: a new adapter). */
  adapter: string | null;
  /**
   * Storage type of the model's weights; arithmetic and trained parameters are f32. Default:
   * `"f32"`.
   */
  dtype: "f32" | "bf16";
  /** Chat template, in Jinja, for conversations (default: the model's own). */
  chatTemplate: string | null;
  /** LoRA rank. Default: `32`. */
  loraR: number;
  /** LoRA scale; the adapter's output is multiplied by alpha / r. Default: `32`. */
  loraAlpha: number;
  /**
   * Layers to adapt: the last parts of their names, all-linear, or a regular expression for their
   * whole names (default: PEFT's for the model, such as q,v of T5).
   */
  targetModules: string[] | null;
  /** Multiply the adapter's output by alpha / √r (rank-stabilized LoRA). Default: `false`. */
  useRslora: boolean;
  /** LoRA rank of single layers, by the ends of their names (default: one rank for all). */
  rankPattern: Record<string, number> | null;
  /** LoRA scale of single layers, by the ends of their names (default: one scale for all). */
  alphaPattern: Record<string, number> | null;
  /**
   * Dataset of preferences: a file or a folder with one file per split, or a name on the Hub, with
   * the columns "chosen" and "rejected", and if there is one "prompt" (texts, or lists of messages)
   * and "margin" (a number). Default: `"demo/pairs"`.
   */
  dataset: string;
  /** Cache the tokenized dataset in ~/.cache/temper/datasets. Default: `true`. */
  datasetCache: boolean;
  /** Train all weights of the model instead of an adapter and the head. Default: `false`. */
  full: boolean;
  /** Peak learning rate (default: 1e-4 for an adapter, 1e-5 for all weights). */
  learningRate: number | null;
  /** Examples per forward and backward pass. Default: `8`. */
  batchSize: number;
  /** Forward and backward passes per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
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
  /** Maximum number of test pairs to measure on. Default: `256`. */
  evalSamples: number;
  /**
   * Steps between measurements, the best of which keeps its result in best/; 0 measures only before
   * and after training. Default: `0`.
   */
  evalEvery: number;
  /**
   * Maximum change of the median reward by one step; beyond it the model has collapsed. Default:
   * `100`.
   */
  maxRewardChange: number;
  /**
   * Compute device; auto takes a GPU if there is one, otherwise wasm; dawn is Chrome's WebGPU, from
   * npm. Default: `"auto"`.
   */
  device: "auto" | "wasm" | "webgpu" | "dawn";
  /** Threads of the wasm device (default: one per core). */
  threads: number | null;
  /** Measure the fastest kernels when a GPU is first used. Default: `true`. */
  autotune: boolean;
  /** Measure every kernel, and print a table at the end. Default: `false`. */
  profile: boolean;
  /**
   * Use 256-bit vectors on the wasm device, without WebAssembly's bounds checks; restarts Deno.
   * Default: `false`.
   */
  turbo: boolean;
}
