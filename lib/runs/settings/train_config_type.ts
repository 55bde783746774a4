// Made by `deno task build:settings` from the schema in config.ts.

/**
 * Settings of a PPO run, resolved. Where TRL and the original notebook differ, the defaults are the
 * notebook's.
 */
export interface TrainConfig {
  /** Kind of the run. Default: `"ppo"`. */
  kind: "ppo";
  /** PPO steps. Default: `10`. */
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
  /**
   * Reward: a classifier or reward model (RoBERTa, BERT, DistilBERT, T5, or a decoder-only model
   * with one output per label); onnx:DIR|ORG/NAME for one in ONNX format; pipeline:DIR|ORG/NAME for
   * a transformers.js pipeline; a script with a function (samples) => number[], or (prompts,
   * completions, columns) => number[], as its default export; or a ready one: exact[:COLUMN] and
   * number[:COLUMN] (the right answer), format:REGEX, length:CHARACTERS, repetition[:WORDS],
   * profanity, sentiment, json[:SCHEMA], judge:URL?model=NAME. Several rewards are added up.
   * Default: `["demo/tiny-roberta-toxicity"]`.
   */
  reward: string[];
  /** Weight of each reward, in order (default: 1 each). */
  rewardWeights: number[] | null;
  /**
   * Classifier label whose score is the reward (default: nothate, or a reward model's only label).
   */
  rewardLabel: string | null;
  /** Classifier score: the label's raw logit, or its probability. Default: `"logits"`. */
  rewardMode: "logits" | "softmax";
  /**
   * Classifier to measure toxicity with, named like a reward (default: the first classifier among
   * the rewards, or the demo's).
   */
  toxicityModel: string | null;
  /** Classifier label for toxic text. Default: `"hate"`. */
  toxicLabel: string;
  /** Maximum number of test prompts to measure toxicity on. Default: `64`. */
  evalSamples: number;
  /** Maximum response length when measuring, in tokens. Default: `100`. */
  evalMaxNewTokens: number;
  /**
   * Steps between measurements of the toxicity, the best of which keeps its adapter in best/; 0
   * measures only before and after training. Default: `0`.
   */
  evalEvery: number;
  /** Minimum response length, in tokens; the end token is not sampled before. Default: `5`. */
  minLength: number;
  /** Number of most likely tokens to sample from; 0 for all. Default: `0`. */
  topK: number;
  /** Cumulative probability of the most likely tokens to sample from. Default: `1`. */
  topP: number;
  /**
   * Minimum probability of a token to sample, as a share of the most likely one's. Default: `0`.
   */
  minP: number;
  /** Sampling temperature; below 1 sharpens the distribution, above 1 flattens it. Default: `1`. */
  temperature: number;
  /** Number of tokens before which no end token is sampled. Default: `0`. */
  minNewTokens: number;
  /**
   * Penalty on tokens that came before, also in the prompt of a decoder-only model; 1 for none.
   * Default: `1`.
   */
  repetitionPenalty: number;
  /** Texts that end a response, which keeps them. Default: `null`. */
  stopStrings: string[] | null;
  /** Minimum rollout length, in tokens; a length is drawn for each rollout. Default: `100`. */
  outputMinLength: number;
  /** Maximum rollout length (exclusive), in tokens. Default: `400`. */
  outputMaxLength: number;
  /** Length limit of every rollout, in tokens (default: a length drawn for each). */
  maxNewTokens: number | null;
  /**
   * With workers: steps by which the policy of the rollouts is behind the one that is trained, so
   * that workers and trainer work at the same time; 0 gives the results of one machine. Default:
   * `0`.
   */
  staleness: number;
  /** Rollouts per PPO step. Default: `16`. */
  batchSize: number;
  /** Rollouts per forward and backward pass. Default: `4`. */
  miniBatchSize: number;
  /** Minibatches per optimizer step. Default: `1`. */
  gradientAccumulationSteps: number;
  /** Optimization epochs per batch of rollouts. Default: `1`. */
  ppoEpochs: number;
  /** Shuffle the minibatches in each epoch. Default: `true`. */
  shuffleMinibatches: boolean;
  /** Peak learning rate. Default: `1.41e-5`. */
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
   * limit). Default: `10`.
   */
  ratioThreshold: number | null;
  /** Apply the model's dropout during optimization. Default: `false`. */
  policyDropout: boolean;
  /**
   * Compatibility mode; trl-0.4 leaves the first token of each response out of the loss, as TRL 0.4
   * does. Default: `"none"`.
   */
  compat: "none" | "trl-0.4";
  /**
   * Minimum mean KL of a step, in nats; far below 0, the estimate has broken down. Default: `-5`.
   */
  minKl: number;
  /** Maximum mean KL of a step, in nats. Default: `1000`. */
  maxKl: number;
  /**
   * Maximum KL of a token, in nats: of the median response from the initial reference, and of a
   * step's policy from the one before; beyond it the policy has collapsed. Default: `3`.
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
}
