import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { resolveSFTConfig, type SFTConfig, sftConfigSchema } from "../../sft/sft_config.ts";
import { dataFields, deviceFields, loraFields, modelFields, runFields } from "./config.ts";
import { DEMO_MODEL } from "./demo.ts";
import { parseSettings } from "./settings.ts";

const positiveInt = z.int().positive();
const { steps, seed, learningRate, ...sftShape } = sftConfigSchema.shape;

/** The run itself. */
export const sftRunFields = {
  epochs: positiveInt.default(1)
    .describe("times that each example is learnt from"),
  steps: steps.nullable().default(null).describe("optimizer steps, instead of whole epochs"),
  seed,
  output: runFields.output,
  name: runFields.name,
  saveEvery: z.int().nonnegative().default(0)
    .describe("steps between saves of what is trained; 0 to save only at the end"),
  peftFormat: runFields.peftFormat,
  progress: runFields.progress,
};

/** What is learnt, and how. */
export const sftFields = {
  full: z.boolean().default(false)
    .describe("train all weights of the model, instead of an adapter"),
  learningRate: learningRate.nullable().default(null)
    .describe(
      "learning rate at the schedule's peak; else 1e-3 for an adapter, 1e-5 for all weights",
    ),
  ...sftShape,
  maxTargetLength: positiveInt.default(128)
    .describe("tokens of a summary that are learnt, the rest is cut off"),
};

/** What is measured before and after. */
export const sftEvaluationFields = {
  evalSamples: positiveInt.default(64)
    .describe("examples of the test split to measure loss and ROUGE on, at most"),
  evalEvery: z.int().nonnegative().default(0)
    .describe("steps between measurements of the loss; 0 for before and after only"),
  evalMaxNewTokens: positiveInt.default(100)
    .describe("most tokens of a generated summary"),
};

/**
 * Every setting of supervised fine-tuning. The one schema behind the options of `sft`, its `--config`
 * file and the `config.json` of its runs.
 */
export const sftRunConfigSchema = z.strictObject({
  kind: z.enum(["sft"]).default("sft").describe("kind of the run"),
  ...sftRunFields,
  ...modelFields,
  ...loraFields,
  ...dataFields,
  ...sftFields,
  ...sftEvaluationFields,
  ...deviceFields,
});

/** Settings of a run of supervised fine-tuning, resolved. */
export type SftRunConfig = z.output<typeof sftRunConfigSchema>;
/** What a caller gives: any subset of {@linkcode SftRunConfig}. */
export type SftRunConfigInput = z.input<typeof sftRunConfigSchema>;

/** Where the demo differs from the defaults: its summaries end within 64 tokens. */
const DEMO_OVERRIDES = { evalMaxNewTokens: 64 };

/**
 * Fills in defaults (with the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveSftConfig(input: SftRunConfigInput = {}): SftRunConfig {
  const isDemo = (input.model ?? DEMO_MODEL) === DEMO_MODEL;
  const config = parseSettings(sftRunConfigSchema, {
    ...(isDemo ? DEMO_OVERRIDES : {}),
    ...input,
  });
  if (config.full && config.adapter !== null) {
    throw new UserError(
      "`full` trains the model itself, `adapter` goes on from an adapter: give one of them",
    );
  }
  if (config.full && config.dtype !== "f32") {
    throw new UserError(
      `\`full\` trains weights in f32, \`dtype\` is ${config.dtype}: leave it out`,
    );
  }
  if (!config.prompt.includes("{dialogue}")) {
    throw new UserError(
      `\`prompt\` ${
        JSON.stringify(config.prompt)
      } has no {dialogue}: put it where the text belongs`,
    );
  }
  return config;
}

/** The part of a run's settings that the trainer knows, of a run over `trainLength` examples. */
export function sftConfigOf(config: SftRunConfig, trainLength: number): SFTConfig {
  const stepsOfEpoch = Math.floor(
    trainLength / (config.batchSize * config.gradientAccumulationSteps),
  );
  const keys = Object.keys(sftConfigSchema.shape) as (keyof SFTConfig)[];
  return resolveSFTConfig({
    ...Object.fromEntries(keys.map((key) => [key, config[key]])),
    steps: config.steps ?? config.epochs * stepsOfEpoch,
    learningRate: config.learningRate ?? (config.full ? 1e-5 : 1e-3),
  });
}
