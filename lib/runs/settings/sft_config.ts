import { z } from "../../packages/zod.ts";
import { resolveSFTConfig, type SFTConfig, sftConfigSchema } from "../../sft/sft_config.ts";
import type { SftRunConfig } from "./sft_run_config_type.ts";
import { dataFields, deviceFields, guardFields, modelFields, runFields } from "./config.ts";
import { DEMO_SFT_SETTINGS, withDemoSettings } from "./demo.ts";
import { checkLoraSettings, loraFields } from "./lora.ts";
import { partOf } from "../../settings/part.ts";
import { parseSettings, withSettingNames } from "../../settings/settings.ts";
import { checkFull, checkPrompt } from "./checks.ts";
import { stepsOf } from "./epochs.ts";

export type { SftRunConfig };

const positiveInt = z.int().positive();
const { steps, seed, learningRate, ...sftShape } = sftConfigSchema.shape;

/** Run. */
export const sftRunFields = {
  epochs: positiveInt.default(1)
    .describe("Passes over the training examples"),
  steps: steps.nullable().default(null).describe("Optimizer steps (default: whole epochs)"),
  seed,
  output: runFields.output,
  name: runFields.name,
  saveEvery: z.int().nonnegative().default(100)
    .describe("Steps between checkpoints; 0 saves one only at the end"),
  keep: runFields.keep.describe("Number of latest checkpoints to keep"),
  peftFormat: runFields.peftFormat,
  log: runFields.log,
  progress: runFields.progress,
};

/** Training. */
export const sftFields = {
  full: z.boolean().default(false)
    .describe("Train all weights of the model instead of an adapter"),
  learningRate: learningRate.nullable().default(null)
    .describe("Peak learning rate (default: 1e-3 for an adapter, 1e-5 for all weights)"),
  ...sftShape,
  maxTargetLength: positiveInt.default(128)
    .describe(
      "Maximum target length of an encoder-decoder, in tokens; longer summaries are cut off",
    ),
  maxLength: positiveInt.default(1024)
    .describe(
      "Maximum length of prompt and response of a decoder-only model together, in tokens; the end of longer ones is cut off",
    ),
  completionOnlyLoss: z.boolean().default(true)
    .describe("Learn only the completions of a decoder-only model's prompts; otherwise both"),
  assistantOnlyLoss: z.boolean().default(false)
    .describe("Learn only what the assistant says in a conversation; otherwise all of it"),
};

/** Guard against divergence. */
export const sftGuardFields = {
  maxTokenKl: guardFields.maxTokenKl
    .describe(
      "Maximum loss of likelihood of a step's own examples, in nats a token; beyond it the model has collapsed",
    ),
};

/** Measurement before and after training. */
export const sftEvaluationFields = {
  evalSamples: positiveInt.default(64)
    .describe("Maximum number of test examples to measure loss and ROUGE on"),
  evalEvery: z.int().nonnegative().default(0)
    .describe("Steps between measurements of the loss; 0 measures only before and after training"),
  evalMaxNewTokens: positiveInt.default(100)
    .describe("Maximum length of a generated summary, in tokens"),
};

/**
 * Every setting of supervised fine-tuning. The one schema behind the options of `sft`, its `--config`
 * file and the `config.json` of its runs.
 */
export const sftRunConfigSchema = z.strictObject({
  kind: z.enum(["sft"]).default("sft").describe("Kind of the run"),
  ...sftRunFields,
  ...modelFields,
  ...loraFields,
  ...dataFields,
  ...sftFields,
  ...sftEvaluationFields,
  ...sftGuardFields,
  ...deviceFields,
});

/** Any of the settings of a run of supervised fine-tuning. */
export type SftRunConfigInput = Partial<SftRunConfig>;

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveSftConfig(input: SftRunConfigInput = {}): SftRunConfig {
  const { settings } = withSettingNames(sftRunConfigSchema, input);
  const config: SftRunConfig = parseSettings(
    sftRunConfigSchema,
    withDemoSettings(settings, DEMO_SFT_SETTINGS),
  );
  checkLoraSettings(config);
  checkFull(config);
  checkPrompt(config);
  return config;
}

/** Trainer's part of a run's settings, for a run over `trainLength` examples. */
export function sftConfigOf(config: SftRunConfig, trainLength: number): SFTConfig {
  return resolveSFTConfig({
    ...partOf(sftConfigSchema, config),
    steps: stepsOf(config, trainLength),
    learningRate: config.learningRate ?? (config.full ? 1e-5 : 1e-3),
  });
}
