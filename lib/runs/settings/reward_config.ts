import { z } from "../../packages/zod.ts";
import {
  resolveRewardConfig,
  type RewardConfig,
  rewardConfigSchema,
} from "../../preference/reward_config.ts";
import { partOf, without } from "../../settings/part.ts";
import { parseSettings, withSettingNames } from "../../settings/settings.ts";
import { checkFull } from "./checks.ts";
import { dataFields, deviceFields, modelFields, runFields } from "./config.ts";
import { DEMO_CLASSIFIER, DEMO_PAIRS, DEMO_REWARD_SETTINGS } from "./demo.ts";
import { stepsOf } from "./epochs.ts";
import { loraFields } from "./lora.ts";
import type { RewardRunConfig } from "./reward_run_config_type.ts";

export type { RewardRunConfig };

const positiveInt = z.int().positive();
const { steps, seed, learningRate, ...trainerShape } = rewardConfigSchema.shape;

/** Run. */
export const rewardRunFields = {
  epochs: positiveInt.default(1)
    .describe("Passes over the training pairs"),
  steps: steps.nullable().default(null).describe("Optimizer steps (default: whole epochs)"),
  seed,
  output: runFields.output,
  name: runFields.name,
  saveEvery: z.int().nonnegative().default(100)
    .describe("Steps between checkpoints; 0 saves one only at the end"),
  keep: runFields.keep.describe("Number of latest checkpoints to keep"),
  merge: z.boolean().default(true)
    .describe(
      "Save the whole classifier, with the adapter folded in, in model/; otherwise the adapter with its head in adapter/",
    ),
  log: runFields.log,
  progress: runFields.progress,
};

/** Classifier, or language model to make one of. */
export const rewardModelFields = {
  ...modelFields,
  model: modelFields.model.default(DEMO_CLASSIFIER)
    .describe(
      "Model: a classifier with one label, or another model (decoder-only, RoBERTa, BERT, DistilBERT, T5), which gets a new head; a folder, or a name on the Hugging Face Hub (org/name@revision)",
    ),
};

/** New adapter, where none is given. */
export const rewardLoraFields = without(loraFields, "loraDropout");

/** Preferences. */
export const rewardDataFields = {
  dataset: dataFields.dataset.default(DEMO_PAIRS)
    .describe(
      'Dataset of preferences: a file or a folder with one file per split, or a name on the Hub, with the columns "chosen" and "rejected", and if there is one "prompt" (texts, or lists of messages) and "margin" (a number)',
    ),
  datasetCache: dataFields.datasetCache,
};

/** Training. */
export const rewardTrainingFields = {
  full: z.boolean().default(false)
    .describe("Train all weights of the model instead of an adapter and the head"),
  learningRate: learningRate.unwrap().nullable().default(null)
    .describe("Peak learning rate (default: 1e-4 for an adapter, 1e-5 for all weights)"),
  ...trainerShape,
};

/** Guard against divergence. */
export const rewardGuardFields = {
  maxRewardChange: z.number().positive().default(100)
    .describe(
      "Maximum change of the median reward by one step; beyond it the model has collapsed",
    ),
};

/** Measurement before and after training. */
export const rewardEvaluationFields = {
  evalSamples: positiveInt.default(256)
    .describe("Maximum number of test pairs to measure on"),
  evalEvery: z.int().nonnegative().default(0)
    .describe(
      "Steps between measurements, the best of which keeps its result in best/; 0 measures only before and after training",
    ),
};

/**
 * Every setting of a reward model's training. The one schema behind the options of `reward`, its
 * `--config` file and the `config.json` of its runs.
 */
export const rewardRunConfigSchema = z.strictObject({
  kind: z.enum(["reward"]).default("reward").describe("Kind of the run"),
  ...rewardRunFields,
  ...rewardModelFields,
  ...rewardLoraFields,
  ...rewardDataFields,
  ...rewardTrainingFields,
  ...rewardEvaluationFields,
  ...rewardGuardFields,
  ...deviceFields,
});

/** Any of the settings of a reward model's training. */
export type RewardRunConfigInput = Partial<RewardRunConfig>;

/**
 * Fills in defaults (with the demo's classifier, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveRewardRunConfig(input: RewardRunConfigInput = {}): RewardRunConfig {
  const { settings } = withSettingNames(rewardRunConfigSchema, input);
  const { model = DEMO_CLASSIFIER } = settings;
  const config: RewardRunConfig = parseSettings(
    rewardRunConfigSchema,
    model === DEMO_CLASSIFIER ? { ...DEMO_REWARD_SETTINGS, ...settings } : settings,
  );
  checkFull(config);
  return config;
}

/** Trainer's part of a run's settings, for a run over `trainLength` pairs. */
export function rewardConfigOf(config: RewardRunConfig, trainLength: number): RewardConfig {
  return resolveRewardConfig({
    ...partOf(rewardConfigSchema, config),
    steps: stepsOf(config, trainLength),
    learningRate: config.learningRate ?? (config.full ? 1e-5 : 1e-4),
  });
}
