// Made by `deno task build:settings` from the schema in group_config.ts.

/** Settings of an RLOO run, resolved. */
export interface RlooRunConfig {
  /** Kind of the run. Default: `"rloo"`. */
  kind: "rloo";
  /** Batches of rollouts. Default: `10`. */
  steps: number;
  /** Random seed; the same seed gives the same results. Default: `0`. */
  seed: number;
  /** Folder to create for the results (default: runs/<time>-<name>). */
  output: string | null;
  /** Run name (default: the model's name). */
  name: string | null;
  /** Steps between checkpoints; 0 saves only at the end. Default: `10`. */
  saveEvery: number;
  /**
   * Number of latest checkpoints to keep, besides the one with the highest mean reward. Default:
   * `2`.
   */
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
   * `"demo/tiny-chat"`.
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
   * messages). Default: `"demo/additions"`.
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
  /**
   * Reward: a classifier or reward model (RoBERTa, BERT, DistilBERT, T5, or a decoder-only model
   * with one output per label); onnx:DIR|ORG/NAME for one in ONNX format; pipeline:DIR|ORG/NAME for
   * a transformers.js pipeline; a script with a function (samples) => number[], or (prompts,
   * completions, columns) => number[], as its default export; or a ready one: exact[:COLUMN] and
   * number[:COLUMN] (the right answer), format:REGEX, length:CHARACTERS, repetition[:WORDS],
   * profanity, sentiment, json[:SCHEMA], judge:URL?model=NAME. Several rewards are added up.
   * Default: `["number"]`.
   */
  reward: string[];
  /**
   * Classifier label whose score is the reward (default: nothate, or a reward model's only label).
   */
  rewardLabel: string | null;
  /** Classifier score: the label's raw logit, or its probability. Default: `"logits"`. */
  rewardMode: "logits" | "softmax";
  /** Rewards to measure before and after training (default: those of training). */
  evalReward: string[] | null;
  /** Maximum number of test prompts to measure on. Default: `64`. */
  evalSamples: number;
  /** Maximum response length when measuring, in tokens (default: that of training). */
  evalMaxNewTokens: number | null;
  /**
   * Sampling temperature when measuring; 0 for the most likely responses (default: that of
   * training).
   */
  evalTemperature: number | null;
  /**
   * Steps between measurements, the best of which keeps its adapter in best/; 0 measures only
   * before and after training. Default: `0`.
   */
  evalEvery: number;
  /** Number of most likely tokens to sample from; 0 for all. Default: `0`. */
  topK: number;
  /** Cumulative probability of the most likely tokens to sample from. Default: `1`. */
  topP: number;
  /**
   * Minimum probability of a token to sample, as a share of the most likely one's. Default: `0`.
   */
  minP: number;
  /** Number of tokens before which no end token is sampled. Default: `0`. */
  minNewTokens: number;
  /**
   * Penalty on tokens that came before, also in the prompt of a decoder-only model; 1 for none.
   * Default: `1`.
   */
  repetitionPenalty: number;
  /** Texts that end a response, which keeps them. Default: `null`. */
  stopStrings: string[] | null;
  /**
   * Maximum KL of a step's policy from the one before, in nats a token; beyond it the policy has
   * collapsed. Default: `3`.
   */
  maxTokenKl: number;
  /**
   * Action when a loss is not finite, or the KL or the probability ratio is out of bounds: stop the
   * run, or undo the step and continue with other prompts. Default: `"stop"`.
   */
  onDivergence: "stop" | "skip";
  /**
   * With workers: steps by which the policy of the rollouts is behind the one that is trained, so
   * that workers and trainer work at the same time; 0 gives the results of one machine. Default:
   * `0`.
   */
  staleness: number;
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
