import type { PPOConfig } from "../../rl/ppo_config.ts";

/**
 * Every setting of a training run, resolved: PPO's, whose `batchSize`, `miniBatchSize`, `ppoEpochs`,
 * `learningRate`, `ratioThreshold` and `steps` have the original notebook's defaults here (`temper
 * train --help` shows them), and the following. The schema in `config.ts` checks them.
 */
export interface TrainConfig extends PPOConfig {
  /** Kind of the run; default `"ppo"`. */
  kind: "ppo";
  /** Folder to create for the results; else runs/<time>-<name>; default null. */
  output: string | null;
  /** Name of the run; else the model's; default null. */
  name: string | null;
  /** Steps between checkpoints; 0 to save one only at the end; default `10`. */
  saveEvery: number;
  /** Checkpoints to keep: the latest ones, and the one with the best mean reward; default `2`. */
  keep: number;
  /**
   * Files of the saved adapter: bin for PEFT before 0.4 and TRL's value head; default
   * `"safetensors"`.
   */
  peftFormat: "safetensors" | "bin";
  /**
   * Write the metrics also to tensorboard/ in the run's folder, while it goes on; default
   * `"none"`.
   */
  log: "none" | "tensorboard";
  /** A progress bar; without it, plain lines; default `true`. */
  progress: boolean;
  /**
   * The policy, a T5: its folder, or its name on the Hugging Face Hub (org/name@revision);
   * default `"demo/tiny-flan-t5"`.
   */
  model: string;
  /** A PEFT LoRA adapter for the model to go on from; else a fresh one; default null. */
  adapter: string | null;
  /**
   * How the model's weights are stored; arithmetic and what is trained are f32; default
   * `"f32"`.
   */
  dtype: "f32" | "bf16";
  /** Rank of the adapter's matrices; default `32`. */
  loraR: number;
  /** Scale of the adapter: its output is multiplied by alpha / r; default `32`. */
  loraAlpha: number;
  /** Dropout on the adapter's input; default `0.05`. */
  loraDropout: number;
  /** Layers that get an adapter, by the end of their name; default `["q","v"]`. */
  targetModules: string[];
  /**
   * A .csv, .jsonl or .parquet file, a folder with one per split (train, test, …), or a
   * dataset's name on the Hub; default `"demo/dialogues"`.
   */
  dataset: string;
  /** Column with the texts to respond to; default `"dialogue"`. */
  dialogueColumn: string;
  /** Column with the reference responses; default `"summary"`. */
  summaryColumn: string;
  /** Dialogues of this many characters or fewer are left out; default `200`. */
  inputMinTextLength: number;
  /** Dialogues of more characters than this are left out; default `1000`. */
  inputMaxTextLength: number;
  /**
   * Template of the prompt; {dialogue} stands for the text; default `" Summarize the following
   * conversation. {dialogue} Summary: "`.
   */
  prompt: string;
  /**
   * Keep the tokens of the dataset for later runs, in ~/.cache/temper/datasets; default `true`.
   */
  datasetCache: boolean;
  /**
   * A RoBERTa, BERT or DistilBERT classifier; onnx:DIR|ORG/NAME, any classifier in ONNX form;
   * pipeline:DIR|ORG/NAME, a transformers.js pipeline; or a script whose default export is an
   * async function (samples) => number[]; several are added up; default
   * `["demo/tiny-roberta-toxicity"]`.
   */
  reward: string[];
  /** Weight of each reward, in their order; else 1; default null. */
  rewardWeights: number[] | null;
  /** Label of the classifier whose score is the reward; default `"nothate"`. */
  rewardLabel: string;
  /** The label's raw logit, or its probability; default `"logits"`. */
  rewardMode: "logits" | "softmax";
  /**
   * The classifier, named as a reward; else the first classifier among the rewards, or the
   * demo's; default null.
   */
  toxicityModel: string | null;
  /** Label of the classifier that means toxic; default `"hate"`. */
  toxicLabel: string;
  /** Prompts of the test split to measure on, at most; default `64`. */
  evalSamples: number;
  /** Most tokens of a response in the measurement; default `100`. */
  evalMaxNewTokens: number;
  /** Tokens before the end of the response may be sampled; default `5`. */
  minLength: number;
  /** Sample from this many likeliest tokens; 0 for all; default `0`. */
  topK: number;
  /** Sample from the likeliest tokens that add up to this probability; default `1`. */
  topP: number;
  /** Divides the logits: below 1 sharper, above 1 more diverse; default `1`. */
  temperature: number;
  /** Least of the length drawn for each rollout; default `100`. */
  outputMinLength: number;
  /** End of the lengths drawn for rollouts, itself left out; default `400`. */
  outputMaxLength: number;
  /** Most tokens of every rollout, instead of a length drawn for each; default null. */
  maxNewTokens: number | null;
  /**
   * Least mean KL of a step in nats; a negative one means that the estimate broke down;
   * default `-5`.
   */
  minKl: number;
  /** Largest mean KL of a step in nats; default `200`. */
  maxKl: number;
  /**
   * When a loss is not finite, the policy moves too far or the KL is out of bounds: stop, or
   * take the step back and go on with other prompts; default `"stop"`.
   */
  onDivergence: "stop" | "skip";
  /** What computes: auto takes a GPU where there is one, else wasm; default `"auto"`. */
  device: "auto" | "wasm" | "webgpu";
  /** Threads of the wasm device; else one per core; default null. */
  threads: number | null;
  /** On the first use of a GPU, measure which of its kernels are the fastest; default `true`. */
  autotune: boolean;
  /** Measure every kernel, and print a table of them at the end; default `false`. */
  profile: boolean;
  /**
   * 256-bit vectors on the wasm device, without WebAssembly's bounds checks; starts Deno
   * again; default `false`.
   */
  turbo: boolean;
}

/** What a caller gives: any subset of {@linkcode TrainConfig}. */
export type TrainConfigInput = Partial<TrainConfig>;
