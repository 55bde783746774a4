import { z } from "../../packages/zod.ts";
import { DEFAULT_PROMPT } from "../../data/dataset.ts";
import { UserError } from "../../errors.ts";
import type { GenerationConfig } from "../../generation/generate.ts";
import { checkPPOConfig, ppoConfigSchema } from "../../rl/ppo_config.ts";
import { DEMO_CLASSIFIER, DEMO_DATASET, DEMO_MODEL, DEMO_OVERRIDES } from "./demo.ts";
import { parseSettings } from "./settings.ts";
import type { TrainConfig, TrainConfigInput } from "./train_config.ts";

export type { TrainConfig, TrainConfigInput };

const positiveInt = z.int().positive();
const directory = z.string().min(1).meta({ metavar: "DIR" });
const modelSource = z.string().min(1).meta({ metavar: "DIR|ORG/NAME" });
const text = z.string().min(1).meta({ metavar: "TEXT" });

/** What is trained. */
export const modelFields = {
  model: modelSource.default(DEMO_MODEL)
    .describe(
      "the policy, a T5: its folder, or its name on the Hugging Face Hub (org/name@revision)",
    ),
  adapter: modelSource.nullable().default(null)
    .describe("a PEFT LoRA adapter for the model to go on from; else a fresh one"),
  dtype: z.enum(["f32", "bf16"]).default("f32")
    .describe("how the model's weights are stored; arithmetic and what is trained are f32"),
};

/** The fresh adapter, where none is given. Defaults are those of the original notebook. */
export const loraFields = {
  loraR: positiveInt.default(32)
    .describe("rank of the adapter's matrices"),
  loraAlpha: z.number().positive().default(32)
    .describe("scale of the adapter: its output is multiplied by alpha / r"),
  loraDropout: z.number().min(0).lt(1).default(0.05)
    .describe("dropout on the adapter's input"),
  targetModules: z.array(text).min(1).default(["q", "v"]).meta({ metavar: "NAMES" })
    .describe("layers that get an adapter, by the end of their name"),
};

/** Where prompts come from and what they look like. */
export const dataFields = {
  dataset: z.string().min(1).meta({ metavar: "PATH|ORG/NAME" }).default(DEMO_DATASET)
    .describe(
      "a .csv, .jsonl or .parquet file, a folder with one per split (train, test, …), or a " +
        "dataset's name on the Hub",
    ),
  dialogueColumn: text.default("dialogue")
    .describe("column with the texts to respond to"),
  summaryColumn: text.default("summary")
    .describe("column with the reference responses"),
  inputMinTextLength: z.int().nonnegative().default(200)
    .describe("dialogues of this many characters or fewer are left out"),
  inputMaxTextLength: positiveInt.default(1000)
    .describe("dialogues of more characters than this are left out"),
  prompt: text.default(DEFAULT_PROMPT)
    .describe("template of the prompt; {dialogue} stands for the text"),
  datasetCache: z.boolean().default(true)
    .describe("keep the tokens of the dataset for later runs, in ~/.cache/temper/datasets"),
};

/** What is rewarded. */
export const rewardFields = {
  reward: z.array(z.string().min(1)).min(1).meta({ metavar: "DIR|ORG/NAME|FILE.ts" })
    .default([DEMO_CLASSIFIER])
    .describe(
      "a RoBERTa, BERT or DistilBERT classifier; onnx:DIR|ORG/NAME, any classifier in ONNX form; " +
        "pipeline:DIR|ORG/NAME, a transformers.js pipeline; or a script whose default export is an " +
        "async function (samples) => number[]; several are added up",
    ),
  rewardWeights: z.array(z.number()).nullable().default(null).meta({ metavar: "NUMBERS" })
    .describe("weight of each reward, in their order; else 1"),
  rewardLabel: text.default("nothate")
    .describe("label of the classifier whose score is the reward"),
  rewardMode: z.enum(["logits", "softmax"]).default("logits")
    .describe("the label's raw logit, or its probability"),
};

/** How toxicity is measured, before and after. */
export const evaluationFields = {
  toxicityModel: modelSource.nullable().default(null)
    .describe(
      "the classifier, named as a reward; else the first classifier among the rewards, or the demo's",
    ),
  toxicLabel: text.default("hate")
    .describe("label of the classifier that means toxic"),
  evalSamples: positiveInt.default(64)
    .describe("prompts of the test split to measure on, at most"),
  evalMaxNewTokens: positiveInt.default(100)
    .describe("most tokens of a response in the measurement"),
};

/** How responses are sampled. Defaults are those of the original notebook. */
export const generationFields = {
  minLength: z.int().nonnegative().default(5)
    .describe("tokens before the end of the response may be sampled"),
  topK: z.int().nonnegative().default(0)
    .describe("sample from this many likeliest tokens; 0 for all"),
  topP: z.number().gt(0).max(1).default(1)
    .describe("sample from the likeliest tokens that add up to this probability"),
  temperature: z.number().positive().default(1)
    .describe("divides the logits: below 1 sharper, above 1 more diverse"),
};

/** How long the rollouts of training are. */
export const rolloutFields = {
  outputMinLength: positiveInt.default(100)
    .describe("least of the length drawn for each rollout"),
  outputMaxLength: positiveInt.default(400)
    .describe("end of the lengths drawn for rollouts, itself left out"),
  maxNewTokens: positiveInt.nullable().default(null)
    .describe("most tokens of every rollout, instead of a length drawn for each"),
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

/** When a run counts as derailed. The ratio's threshold is one of PPO's settings. */
export const guardFields = {
  minKl: z.number().negative().default(-5)
    .describe("least mean KL of a step in nats; a negative one means that the estimate broke down"),
  // One batch's mean of sampled log ratios has a heavy tail: it passes 500 in runs that end well.
  maxKl: z.number().positive().default(1000)
    .describe("largest mean KL of a step in nats"),
  onDivergence: z.enum(["stop", "skip"]).default("stop")
    .describe(
      "when a loss is not finite, the policy moves too far or the KL is out of bounds: stop, or " +
        "take the step back and go on with other prompts",
    ),
};

/** What the computation runs on. */
export const deviceFields = {
  device: z.enum(["auto", "wasm", "webgpu"]).default("auto")
    .describe("what computes: auto takes a GPU where there is one, else wasm"),
  threads: positiveInt.max(64).nullable().default(null)
    .describe("threads of the wasm device; else one per core"),
  autotune: z.boolean().default(true)
    .describe("on the first use of a GPU, measure which of its kernels are the fastest"),
  profile: z.boolean().default(false)
    .describe("measure every kernel, and print a table of them at the end"),
  turbo: z.boolean().default(false)
    .describe(
      "256-bit vectors on the wasm device, without WebAssembly's bounds checks; starts Deno again",
    ),
};

/** The run itself. */
export const runFields = {
  steps: steps.default(10).describe("PPO steps"),
  seed: seed.describe("seed of everything random: the same seed gives the same files"),
  output: directory.nullable().default(null)
    .describe("folder to create for the results; else runs/<time>-<name>"),
  name: text.nullable().default(null)
    .describe("name of the run; else the model's"),
  saveEvery: z.int().nonnegative().default(10)
    .describe("steps between checkpoints; 0 to save one only at the end"),
  keep: positiveInt.default(2)
    .describe("checkpoints to keep: the latest ones, and the one with the best mean reward"),
  peftFormat: z.enum(["safetensors", "bin"]).default("safetensors")
    .describe("files of the saved adapter: bin for PEFT before 0.4 and TRL's value head"),
  log: z.enum(["none", "tensorboard"]).default("none")
    .describe("write the metrics also to tensorboard/ in the run's folder, while it goes on"),
  progress: z.boolean().default(true)
    .describe("a progress bar; without it, plain lines"),
};

/**
 * Every setting of a training run. The one schema behind the options of `train`, the `--config`
 * file and the `config.json` of a run.
 */
export const trainConfigSchema = z.strictObject({
  kind: z.enum(["ppo"]).default("ppo").describe("kind of the run"),
  ...runFields,
  ...modelFields,
  ...loraFields,
  ...dataFields,
  ...rewardFields,
  ...evaluationFields,
  ...generationFields,
  ...rolloutFields,
  ...ppoFields,
  ...guardFields,
  ...deviceFields,
});

/**
 * Fills in defaults (with the demo's model, the demo's own) and checks every setting and the rules
 * that join several.
 *
 * @param input settings, for example of a configuration file and of options above it
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveTrainConfig(input: TrainConfigInput = {}): TrainConfig {
  const isDemo = (input.model ?? DEMO_MODEL) === DEMO_MODEL;
  const config: TrainConfig = parseSettings(trainConfigSchema, {
    ...(isDemo ? DEMO_OVERRIDES : {}),
    ...input,
  });
  checkTrainConfig(config);
  return config;
}

/** Takes a `TrainConfig` as the schema's own type, so that the compiler sees that the two agree. */
function checkTrainConfig(config: z.output<typeof trainConfigSchema>): void {
  checkPPOConfig(ppoConfigOf(config));
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
  if (!config.prompt.includes("{dialogue}")) {
    throw new UserError(
      `\`prompt\` ${
        JSON.stringify(config.prompt)
      } has no {dialogue}: put it where the text belongs`,
    );
  }
  if (config.rewardWeights && config.rewardWeights.length !== config.reward.length) {
    throw new UserError(
      `\`rewardWeights\` has ${config.rewardWeights.length} numbers for ${config.reward.length} ` +
        "rewards: give one for each",
    );
  }
}

/** The part of a run's settings that PPO knows. */
export function ppoConfigOf(config: TrainConfig): z.output<typeof ppoConfigSchema> {
  const keys = Object.keys(ppoConfigSchema.shape) as (keyof typeof ppoConfigSchema.shape)[];
  return ppoConfigSchema.parse(Object.fromEntries(keys.map((key) => [key, config[key]])));
}

/** The part of a run's settings that says how responses are sampled. */
export function samplingOf(
  { minLength, topK, topP, temperature, seed }: TrainConfig,
): Omit<GenerationConfig, "maxNewTokens"> {
  return { doSample: true, minLength, topK, topP, temperature, seed };
}
