// Made by `deno task build:settings` from the schema in preference_config.ts.

/** Settings of a KTO run, resolved. */
export interface KtoRunConfig {
  /** Kind of the run. Default: `"kto"`. */
  kind: "kto";
  /** Passes over the training examples. Default: `1`. */
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
   * File format of the saved adapter; bin is for PEFT before 0.4 and TRL's value head. Default:
   * `"safetensors"`.
   */
  peftFormat: "safetensors" | "bin";
  /**
   * Additional log of the metrics; tensorboard writes to tensorboard/ in the run's folder. Default:
   * `"none"`.
   */
  log: "none" | "tensorboard";
  /** Show a progress bar; otherwise plain lines. Default: `true`. */
  progress: boolean;
  /**
   * Model: a folder, or a name on the Hugging Face Hub (org/name@revision). Default:
   * `"demo/tiny-flan-t5"`.
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
  /** Dropout probability of the adapter's input. Default: `0.05`. */
  loraDropout: number;
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
  /** Maximum number of test rows to measure the loss and the implied rewards on. Default: `64`. */
  evalSamples: number;
  /**
   * Steps between measurements, the best of which keeps its adapter in best/; 0 measures only
   * before and after training. Default: `0`.
   */
  evalEvery: number;
  /** Maximum number of test prompts to answer before and after training. Default: `16`. */
  evalPrompts: number;
  /** Maximum length of an answer, in tokens. Default: `100`. */
  evalMaxNewTokens: number;
  /** Rewards of the answers to measure (default: null). */
  evalReward: string[] | null;
  /**
   * Classifier label whose score is the reward (default: nothate, or a reward model's only label).
   */
  rewardLabel: string | null;
  /** Classifier score: the label's raw logit, or its probability. Default: `"logits"`. */
  rewardMode: "logits" | "softmax";
  /**
   * Maximum loss of likelihood of the preferred answers in one step, in nats a token; beyond it the
   * policy has collapsed. Default: `3`.
   */
  maxTokenKl: number;
  /**
   * Action when a loss is not finite, or the KL or the probability ratio is out of bounds: stop the
   * run, or undo the step and continue with other prompts. Default: `"stop"`.
   */
  onDivergence: "stop" | "skip";
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
  /**
   * Answers that were liked or not: a .csv, .json, .jsonl or .parquet file, a folder with one file
   * per split (train, test, …), or a name on the Hub; with the columns prompt, completion and label
   * (true or false), or with preferences (chosen and rejected), which are taken apart. Default:
   * `"demo/pairs"`.
   */
  dataset: string;
  /** Cache the tokenized dataset in ~/.cache/temper/datasets. Default: `true`. */
  datasetCache: boolean;
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
