import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import { dpoConfigSchema, resolveDPOConfig } from "../../preference/dpo_config.ts";
import type { DPOConfig } from "../../preference/dpo_config_type.ts";
import { ktoConfigSchema, resolveKTOConfig } from "../../preference/kto_config.ts";
import type { KTOConfig } from "../../preference/kto_config_type.ts";
import { orpoConfigSchema, resolveORPOConfig } from "../../preference/orpo_config.ts";
import type { ORPOConfig } from "../../preference/orpo_config_type.ts";
import { partOf, without } from "../../settings/part.ts";
import { parseSettings, withSettingNames } from "../../settings/settings.ts";
import { dataFields, deviceFields, guardFields, modelFields, rewardFields } from "./config.ts";
import {
  DEMO_DPO_SETTINGS,
  DEMO_KTO_SETTINGS,
  DEMO_ORPO_SETTINGS,
  DEMO_PAIRS,
  withDemoSettings,
} from "./demo.ts";
import type { DpoRunConfig } from "./dpo_run_config_type.ts";
import { type EpochSettings, stepsOf } from "./epochs.ts";
import type { KtoRunConfig } from "./kto_run_config_type.ts";
import { checkLoraSettings, loraFields } from "./lora.ts";
import type { OrpoRunConfig } from "./orpo_run_config_type.ts";
import { sftRunFields } from "./sft_config.ts";

export type { DpoRunConfig, KtoRunConfig, OrpoRunConfig };

/** Run. */
export const preferenceRunFields = sftRunFields;

const dataset = dataFields.dataset.unwrap().default(DEMO_PAIRS);

/** Dataset of preferences. */
export const preferenceDataFields = {
  dataset: dataset.describe(
    "Preferences: a .csv, .json, .jsonl or .parquet file, a folder with one file per split (train, test, …), or a name on the Hub; with the columns prompt, chosen and rejected, or chosen and rejected alone (texts, or lists of messages)",
  ),
  datasetCache: dataFields.datasetCache,
};

/** Dataset of KTO. */
export const ktoDataFields = {
  dataset: dataset.describe(
    "Answers that were liked or not: a .csv, .json, .jsonl or .parquet file, a folder with one file per split (train, test, …), or a name on the Hub; with the columns prompt, completion and label (true or false), or with preferences (chosen and rejected), which are taken apart",
  ),
  datasetCache: dataFields.datasetCache,
};

/** Measurement before and after training. */
export const preferenceEvaluationFields = {
  evalSamples: z.int().positive().default(64)
    .describe("Maximum number of test rows to measure the loss and the implied rewards on"),
  evalEvery: z.int().nonnegative().default(0)
    .describe(
      "Steps between measurements, the best of which keeps its adapter in best/; 0 measures only before and after training",
    ),
  evalPrompts: z.int().nonnegative().default(16)
    .describe("Maximum number of test prompts to answer before and after training"),
  evalMaxNewTokens: z.int().positive().default(100)
    .describe("Maximum length of an answer, in tokens"),
  evalReward: z.array(z.string().min(1)).min(1).nullable().default(null)
    .meta({ metavar: "DIR|ORG/NAME|FILE.ts" })
    .describe("Rewards of the answers to measure (default: none)"),
  rewardLabel: rewardFields.rewardLabel,
  rewardMode: rewardFields.rewardMode,
};

/** Guard against divergence. */
export const preferenceGuardFields = {
  maxTokenKl: guardFields.maxTokenKl
    .describe(
      "Maximum loss of likelihood of the preferred answers in one step, in nats a token; beyond it the policy has collapsed",
    ),
  onDivergence: guardFields.onDivergence,
};

/** DPO; steps and seed are among the settings of the run. */
export const dpoFields = {
  ...without(dpoConfigSchema.shape, "steps", "seed"),
  precomputeRefLogProbs: z.boolean().default(false)
    .describe(
      "Compute the reference's log-probabilities of the whole train split before the first step, instead of in each step",
    ),
};

/** ORPO, likewise. */
export const orpoFields = without(orpoConfigSchema.shape, "steps", "seed");

/** KTO, likewise. */
export const ktoFields = without(ktoConfigSchema.shape, "steps", "seed");

const shared = {
  ...preferenceRunFields,
  ...modelFields,
  ...loraFields,
  ...preferenceEvaluationFields,
  ...preferenceGuardFields,
  ...deviceFields,
};

/** Every setting of a DPO run. */
export const dpoRunConfigSchema = z.strictObject({
  kind: z.enum(["dpo"]).default("dpo").describe("Kind of the run"),
  ...shared,
  ...preferenceDataFields,
  ...dpoFields,
});

/** Every setting of an ORPO run. */
export const orpoRunConfigSchema = z.strictObject({
  kind: z.enum(["orpo"]).default("orpo").describe("Kind of the run"),
  ...shared,
  ...preferenceDataFields,
  ...orpoFields,
});

/** Every setting of a KTO run. */
export const ktoRunConfigSchema = z.strictObject({
  kind: z.enum(["kto"]).default("kto").describe("Kind of the run"),
  ...shared,
  ...ktoDataFields,
  ...ktoFields,
});

/** Settings that runs on preferences share. */
export type PreferenceRunConfig =
  & Omit<OrpoRunConfig, "kind">
  & { readonly kind: "dpo" | "orpo" | "kto" };

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveDpoRunConfig(input: Partial<DpoRunConfig> = {}): DpoRunConfig {
  const { settings } = withSettingNames(dpoRunConfigSchema, input);
  const config: DpoRunConfig = parseSettings(
    dpoRunConfigSchema,
    withDemoSettings(settings, DEMO_DPO_SETTINGS),
  );
  checkLoraSettings(config);
  dpoConfigOf(config, 1);
  if (config.precomputeRefLogProbs && config.compat !== "none") {
    throw new UserError(
      `\`precomputeRefLogProbs\` computes them once for every batch, with \`compat\` ` +
        `${config.compat} they depend on the batch: give one of them`,
    );
  }
  return config;
}

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveOrpoRunConfig(input: Partial<OrpoRunConfig> = {}): OrpoRunConfig {
  const { settings } = withSettingNames(orpoRunConfigSchema, input);
  const config: OrpoRunConfig = parseSettings(
    orpoRunConfigSchema,
    withDemoSettings(settings, DEMO_ORPO_SETTINGS),
  );
  checkLoraSettings(config);
  orpoConfigOf(config, 1);
  return config;
}

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveKtoRunConfig(input: Partial<KtoRunConfig> = {}): KtoRunConfig {
  const { settings } = withSettingNames(ktoRunConfigSchema, input);
  const config: KtoRunConfig = parseSettings(
    ktoRunConfigSchema,
    withDemoSettings(settings, DEMO_KTO_SETTINGS),
  );
  checkLoraSettings(config);
  ktoConfigOf(config, 1);
  if (config.batchSize < 2 && config.lossType === "kto") {
    throw new UserError(
      "`batchSize` is 1, but the loss kto estimates its KL with the answers of other rows: raise " +
        "it, or take the loss apo_zero_unpaired",
    );
  }
  return config;
}

/** DPO's part of a run's settings, for a run over `trainLength` pairs. @throws {UserError} */
export function dpoConfigOf(config: DpoRunConfig, trainLength: number): DPOConfig {
  return resolveDPOConfig(partOf(dpoConfigSchema, withSteps(config, trainLength)));
}

/** ORPO's part of a run's settings, for a run over `trainLength` pairs. @throws {UserError} */
export function orpoConfigOf(config: OrpoRunConfig, trainLength: number): ORPOConfig {
  return resolveORPOConfig(partOf(orpoConfigSchema, withSteps(config, trainLength)));
}

/** KTO's part of a run's settings, for a run over `trainLength` answers. @throws {UserError} */
export function ktoConfigOf(config: KtoRunConfig, trainLength: number): KTOConfig {
  return resolveKTOConfig(partOf(ktoConfigSchema, withSteps(config, trainLength)));
}

/** Settings with the run's epochs as steps. */
function withSteps<Config extends EpochSettings>(
  config: Config,
  trainLength: number,
): Config & { steps: number } {
  return { ...config, steps: Math.max(1, stepsOf(config, trainLength)) };
}
