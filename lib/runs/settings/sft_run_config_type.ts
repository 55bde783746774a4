// Made by `deno task build:settings` from the schema in sft_config.ts.

/** Settings of a run of supervised fine-tuning, resolved. */
export interface SftRunConfig {
  /** Kind of the run. Default: `"sft"`. */
  kind: "sft";
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
  /**
   * Dataset: a .csv, .json, .jsonl or .parquet file, a folder with one file per split (train, test,
   * …), or a name on the Hub. Dialogues with summaries, or TRL's formats by their columns:
   * messages; prompt and completion; prompt; text; chosen and rejected (texts, or lists of
   * messages). Default: `"demo/dialogues"`.
   */
  dataset: string;
  /** Column of the dialogues. Default: `"dialogue"`. */
  dialogueColumn: string;
  /** Column of the reference summaries. Default: `"summary"`. */
  summaryColumn: string;
  /**
   * Minimum dialogue length (exclusive), in characters; shorter ones are left out. Default: `200`.
   */
  inputMinTextLength: number;
  /** Maximum dialogue length, in characters; longer ones are left out. Default: `1000`. */
  inputMaxTextLength: number;
  /**
   * Prompt template; {dialogue} stands for the dialogue. Default: `"\nSummarize the following
   * conversation.\n\n{dialogue}\n\nSummary:\n"`.
   */
  prompt: string;
  /** Cache the tokenized dataset in ~/.cache/temper/datasets. Default: `true`. */
  datasetCache: boolean;
  /** Train all weights of the model instead of an adapter. Default: `false`. */
  full: boolean;
  /** Peak learning rate (default: 1e-3 for an adapter, 1e-5 for all weights). */
  learningRate: number | null;
  /** Examples per forward and backward pass. Default: `8`. */
  batchSize: number;
  /** Forward and backward passes per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
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
  /**
   * Maximum target length of an encoder-decoder, in tokens; longer summaries are cut off. Default:
   * `128`.
   */
  maxTargetLength: number;
  /**
   * Maximum length of prompt and response of a decoder-only model together, in tokens; the end of
   * longer ones is cut off. Default: `1024`.
   */
  maxLength: number;
  /**
   * Learn only the completions of a decoder-only model's prompts; otherwise both. Default: `true`.
   */
  completionOnlyLoss: boolean;
  /**
   * Learn only what the assistant says in a conversation; otherwise all of it. Default: `false`.
   */
  assistantOnlyLoss: boolean;
  /** Maximum number of test examples to measure loss and ROUGE on. Default: `64`. */
  evalSamples: number;
  /**
   * Steps between measurements of the loss; 0 measures only before and after training. Default:
   * `0`.
   */
  evalEvery: number;
  /** Maximum length of a generated summary, in tokens. Default: `100`. */
  evalMaxNewTokens: number;
  /**
   * Maximum loss of likelihood of a step's own examples, in nats a token; beyond it the model has
   * collapsed. Default: `3`.
   */
  maxTokenKl: number;
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
