import { z } from "../../packages/zod.ts";
import { DEFAULT_PROMPT } from "../../data/dialogue_format.ts";
import { UserError } from "../../errors.ts";
import type { GenerationConfig } from "../../generation/generation_config.ts";
import { checkPPOConfig, ppoConfigSchema } from "../../rl/ppo_config.ts";
import {
  DEMO_ADAPTER_SETTINGS,
  DEMO_CLASSIFIER,
  DEMO_DATASET,
  DEMO_MODEL,
  DEMO_SETTINGS,
  withDemoSettings,
} from "./demo.ts";
import { partOf } from "../../settings/part.ts";
import { parseSettings, withSettingNames } from "../../settings/settings.ts";
import { checkPrompt, checkRewardWeights } from "./checks.ts";
import { checkLoraSettings, loraFields } from "./lora.ts";
import type { TrainConfig } from "./train_config_type.ts";

export type { TrainConfig };
/** Any of the settings of a training run. */
export type TrainConfigInput = Partial<TrainConfig>;

const positiveInt = z.int().positive();
const directory = z.string().min(1).meta({ metavar: "DIR" });
const modelSource = z.string().min(1).meta({ metavar: "DIR|ORG/NAME" });
const text = z.string().min(1).meta({ metavar: "TEXT" });

/** Model and adapter to train. */
export const modelFields = {
  model: modelSource.default(DEMO_MODEL)
    .describe("Model: a folder, or a name on the Hugging Face Hub (org/name@revision)"),
  adapter: modelSource.nullable().default(null)
    .describe(
      "PEFT LoRA adapter to start from: a folder or a name on the Hub (default: a new adapter)",
    ),
  dtype: z.enum(["f32", "bf16"]).default("f32")
    .describe("Storage type of the model's weights; arithmetic and trained parameters are f32"),
  chatTemplate: z.string().min(1).nullable().default(null).meta({ metavar: "FILE" })
    .describe("Chat template, in Jinja, for conversations (default: the model's own)"),
};

/** Dataset and prompts. */
export const dataFields = {
  dataset: z.string().min(1).meta({ metavar: "PATH|ORG/NAME" }).default(DEMO_DATASET)
    .describe(
      "Dataset: a .csv, .json, .jsonl or .parquet file, a folder with one file per split (train, test, …), or a name on the Hub. Dialogues with summaries, or TRL's formats by their columns: messages; prompt and completion; prompt; text; chosen and rejected (texts, or lists of messages)",
    ),
  dialogueColumn: text.default("dialogue")
    .describe("Column of the dialogues"),
  summaryColumn: text.default("summary")
    .describe("Column of the reference summaries"),
  inputMinTextLength: z.int().nonnegative().default(200)
    .describe("Minimum dialogue length (exclusive), in characters; shorter ones are left out"),
  inputMaxTextLength: positiveInt.default(1000)
    .describe("Maximum dialogue length, in characters; longer ones are left out"),
  prompt: text.default(DEFAULT_PROMPT)
    .describe("Prompt template; {dialogue} stands for the dialogue"),
  datasetCache: z.boolean().default(true)
    .describe("Cache the tokenized dataset in ~/.cache/temper/datasets"),
};

/** Rewards. */
export const rewardFields = {
  reward: z.array(z.string().min(1)).min(1).meta({ metavar: "DIR|ORG/NAME|FILE.ts|NAME" })
    .default([DEMO_CLASSIFIER])
    .describe(
      "Reward: a classifier or reward model (RoBERTa, BERT, DistilBERT, T5, or a decoder-only model with one output per label); onnx:DIR|ORG/NAME for one in ONNX format; pipeline:DIR|ORG/NAME for a transformers.js pipeline; a script with a function (samples) => number[], or (prompts, completions, columns) => number[], as its default export; or a ready one: exact[:COLUMN] and number[:COLUMN] (the right answer), format:REGEX, length:CHARACTERS, repetition[:WORDS], profanity, sentiment, json[:SCHEMA], judge:URL?model=NAME. Several rewards are added up",
    ),
  rewardWeights: z.array(z.number()).nullable().default(null).meta({ metavar: "NUMBERS" })
    .describe("Weight of each reward, in order (default: 1 each)"),
  rewardLabel: text.nullable().default(null)
    .describe(
      "Classifier label whose score is the reward (default: nothate, or a reward model's only label)",
    ),
  rewardMode: z.enum(["logits", "softmax"]).default("logits")
    .describe("Classifier score: the label's raw logit, or its probability"),
};

/** Measurement of the toxicity before and after training. */
export const evaluationFields = {
  toxicityModel: modelSource.nullable().default(null)
    .describe(
      "Classifier to measure toxicity with, named like a reward (default: the first classifier among the rewards, or the demo's)",
    ),
  toxicLabel: text.default("hate")
    .describe("Classifier label for toxic text"),
  evalSamples: positiveInt.default(64)
    .describe("Maximum number of test prompts to measure toxicity on"),
  evalMaxNewTokens: positiveInt.default(100)
    .describe("Maximum response length when measuring, in tokens"),
};

/** Measurements of a run: those of {@linkcode evaluationFields}, and when to make them. */
export const trainEvaluationFields = {
  ...evaluationFields,
  evalEvery: z.int().nonnegative().default(0)
    .describe(
      "Steps between measurements of the toxicity, the best of which keeps its adapter in best/; 0 measures only before and after training",
    ),
};

/** Sampling of responses. The defaults are those of the original notebook. */
export const generationFields = {
  minLength: z.int().nonnegative().default(5)
    .describe("Minimum response length, in tokens; the end token is not sampled before"),
  topK: z.int().nonnegative().default(0)
    .describe("Number of most likely tokens to sample from; 0 for all"),
  topP: z.number().gt(0).max(1).default(1)
    .describe("Cumulative probability of the most likely tokens to sample from"),
  minP: z.number().min(0).max(1).default(0)
    .describe("Minimum probability of a token to sample, as a share of the most likely one's"),
  temperature: z.number().positive().default(1)
    .describe("Sampling temperature; below 1 sharpens the distribution, above 1 flattens it"),
  minNewTokens: z.int().nonnegative().default(0)
    .describe("Number of tokens before which no end token is sampled"),
  repetitionPenalty: z.number().positive().default(1)
    .describe(
      "Penalty on tokens that came before, also in the prompt of a decoder-only model; 1 for none",
    ),
  stopStrings: z.array(text).nullable().default(null).meta({ metavar: "TEXTS" })
    .describe("Texts that end a response, which keeps them"),
};

/** Length of the rollouts of training. */
export const rolloutFields = {
  outputMinLength: positiveInt.default(100)
    .describe("Minimum rollout length, in tokens; a length is drawn for each rollout"),
  outputMaxLength: positiveInt.default(400)
    .describe("Maximum rollout length (exclusive), in tokens"),
  maxNewTokens: positiveInt.nullable().default(null)
    .describe("Length limit of every rollout, in tokens (default: a length drawn for each)"),
};

/** Rollouts that other machines make. */
export const fleetFields = {
  staleness: z.int().nonnegative().max(64).default(0)
    .describe(
      "With workers: steps by which the policy of the rollouts is behind the one that is trained, so that workers and trainer work at the same time; 0 gives the results of one machine",
    ),
};

const { steps, seed, ...ppoShape } = ppoConfigSchema.shape;

/** PPO: TRL's settings; where TRL's defaults and the original notebook differ, the notebook's. */
export const ppoFields = {
  ...ppoShape,
  batchSize: ppoShape.batchSize.default(16),
  miniBatchSize: ppoShape.miniBatchSize.default(4),
  ppoEpochs: ppoShape.ppoEpochs.default(1),
  learningRate: ppoShape.learningRate.default(1.41e-5),
  ratioThreshold: ppoShape.ratioThreshold.default(10),
};

/** Bounds beyond which training has diverged. That of the ratio is one of PPO's settings. */
export const guardFields = {
  minKl: z.number().negative().default(-5)
    .describe("Minimum mean KL of a step, in nats; far below 0, the estimate has broken down"),
  // One batch's mean of sampled log ratios has a heavy tail: it passes 500 in runs that end well.
  maxKl: z.number().positive().default(1000)
    .describe("Maximum mean KL of a step, in nats"),
  maxTokenKl: z.number().positive().default(3)
    .describe(
      "Maximum KL of a token, in nats: of the median response from the initial reference, and of a step's policy from the one before; beyond it the policy has collapsed",
    ),
  onDivergence: z.enum(["stop", "skip"]).default("stop")
    .describe(
      "Action when a loss is not finite, or the KL or the probability ratio is out of bounds: stop the run, or undo the step and continue with other prompts",
    ),
};

/** Device of the computation. */
export const deviceFields = {
  device: z.enum(["auto", "wasm", "webgpu", "dawn"]).default("auto")
    .describe(
      "Compute device; auto takes a GPU if there is one, otherwise wasm; dawn is Chrome's WebGPU, from npm",
    ),
  threads: positiveInt.max(64).nullable().default(null)
    .describe("Threads of the wasm device (default: one per core)"),
  autotune: z.boolean().default(true)
    .describe("Measure the fastest kernels when a GPU is first used"),
  profile: z.boolean().default(false)
    .describe("Measure every kernel, and print a table at the end"),
  turbo: z.boolean().default(false)
    .describe(
      "Use 256-bit vectors on the wasm device, without WebAssembly's bounds checks; restarts Deno",
    ),
};

/** Run. */
export const runFields = {
  steps: steps.default(10).describe("PPO steps"),
  seed: seed.describe("Random seed; the same seed gives the same results"),
  output: directory.nullable().default(null)
    .describe("Folder to create for the results (default: runs/<time>-<name>)"),
  name: text.nullable().default(null)
    .describe("Run name (default: the model's name)"),
  saveEvery: z.int().nonnegative().default(10)
    .describe("Steps between checkpoints; 0 saves only at the end"),
  keep: positiveInt.default(2)
    .describe("Number of latest checkpoints to keep, besides the one with the highest mean reward"),
  peftFormat: z.enum(["safetensors", "bin"]).default("safetensors")
    .describe("File format of the saved adapter; bin is for PEFT before 0.4 and TRL's value head"),
  log: z.enum(["none", "tensorboard"]).default("none")
    .describe(
      "Additional log of the metrics; tensorboard writes to tensorboard/ in the run's folder",
    ),
  progress: z.boolean().default(true)
    .describe("Show a progress bar; otherwise plain lines"),
};

/**
 * Every setting of a training run. The one schema behind the options of `train`, the `--config`
 * file and the `config.json` of a run.
 */
export const trainConfigSchema = z.strictObject({
  kind: z.enum(["ppo"]).default("ppo").describe("Kind of the run"),
  ...runFields,
  ...modelFields,
  ...loraFields,
  ...dataFields,
  ...rewardFields,
  ...trainEvaluationFields,
  ...generationFields,
  ...rolloutFields,
  ...fleetFields,
  ...ppoFields,
  ...guardFields,
  ...deviceFields,
});

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting and the rules
 * that join several.
 *
 * @param input settings, for example of a configuration file and of options above it
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveTrainConfig(input: TrainConfigInput = {}): TrainConfig {
  const { settings } = withSettingNames(trainConfigSchema, input);
  const config: TrainConfig = parseSettings(
    trainConfigSchema,
    withDemoSettings(settings, settings.adapter ? DEMO_ADAPTER_SETTINGS : DEMO_SETTINGS),
  );
  checkTrainConfig(config);
  return config;
}

/** Checks the rules that join several settings. */
function checkTrainConfig(config: z.output<typeof trainConfigSchema>): void {
  checkPPOConfig(ppoConfigOf(config));
  checkLoraSettings(config);
  if (config.staleness > 0 && config.compat !== "none") {
    throw new UserError(
      `\`staleness\` ${config.staleness} needs the log-probabilities of the policy that generated, ` +
        `which \`compat\` ${config.compat} computes anew: give one of them`,
    );
  }
  const { inputMinTextLength, inputMaxTextLength, outputMinLength, outputMaxLength } = config;
  if (inputMinTextLength >= inputMaxTextLength) {
    throw new UserError(
      `\`inputMinTextLength\` ${inputMinTextLength} must be below \`inputMaxTextLength\` ` +
        `${inputMaxTextLength}`,
    );
  }
  if (config.maxNewTokens === null && outputMinLength >= outputMaxLength) {
    throw new UserError(
      `\`outputMinLength\` ${outputMinLength} must be below \`outputMaxLength\` ${outputMaxLength}`,
    );
  }
  checkPrompt(config);
  checkRewardWeights(config);
}

/** PPO's part of a run's settings. */
export function ppoConfigOf(config: TrainConfig): z.output<typeof ppoConfigSchema> {
  return ppoConfigSchema.parse(partOf(ppoConfigSchema, config));
}

/** Sampling part of a run's settings. */
export function samplingOf(
  config: Pick<TrainConfig, keyof typeof generationFields | "seed">,
): Omit<GenerationConfig, "maxNewTokens"> {
  const { minLength, minNewTokens, repetitionPenalty, stopStrings } = config;
  const { topK, topP, minP, temperature, seed } = config;
  return {
    doSample: true,
    ...{ topK, topP, minP, temperature, seed },
    ...{ minLength, minNewTokens, repetitionPenalty, stopStrings: stopStrings ?? [] },
  };
}
