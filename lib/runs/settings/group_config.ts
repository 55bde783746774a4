import { z } from "../../packages/zod.ts";
import { withBatchSize } from "../../rl/group_config.ts";
import { grpoConfigSchema, resolveGRPOConfig } from "../../rl/grpo_config.ts";
import type { GRPOConfig } from "../../rl/grpo_config_type.ts";
import { resolveRLOOConfig, rlooConfigSchema } from "../../rl/rloo_config.ts";
import type { RLOOConfig } from "../../rl/rloo_config_type.ts";
import { partOf, without } from "../../settings/part.ts";
import { parseSettings, withSettingNames } from "../../settings/settings.ts";
import { checkPrompt, checkRewardWeights } from "./checks.ts";
import {
  dataFields,
  deviceFields,
  evaluationFields,
  fleetFields,
  generationFields,
  guardFields,
  modelFields,
  rewardFields,
  runFields,
} from "./config.ts";
import { DEMO_ADDITIONS, DEMO_CHAT_MODEL, withDemoGroupSettings } from "./demo.ts";
import type { GrpoRunConfig } from "./grpo_run_config_type.ts";
import { checkLoraSettings, loraFields } from "./lora.ts";
import type { RlooRunConfig } from "./rloo_run_config_type.ts";

export type { GrpoRunConfig, RlooRunConfig };

/** Run. */
export const groupRunFields = {
  ...runFields,
  steps: runFields.steps.describe("Batches of rollouts"),
};

/** Model and adapter to train. */
export const groupModelFields = {
  ...modelFields,
  model: modelFields.model.default(DEMO_CHAT_MODEL),
};

/** Dataset and prompts. */
export const groupDataFields = {
  ...dataFields,
  dataset: dataFields.dataset.default(DEMO_ADDITIONS),
};

/** Rewards; their weights are among the settings of the algorithm. */
export const groupRewardFields = {
  ...without(rewardFields, "rewardWeights"),
  reward: rewardFields.reward.default(["number"]),
};

/** Measurement before and after training. */
export const groupEvaluationFields = {
  evalReward: z.array(z.string().min(1)).min(1).nullable().default(null)
    .meta({ metavar: "DIR|ORG/NAME|FILE.ts" })
    .describe("Rewards to measure before and after training (default: those of training)"),
  evalSamples: evaluationFields.evalSamples
    .describe("Maximum number of test prompts to measure on"),
  evalMaxNewTokens: z.int().positive().nullable().default(null)
    .describe("Maximum response length when measuring, in tokens (default: that of training)"),
  evalTemperature: z.number().nonnegative().nullable().default(null)
    .describe(
      "Sampling temperature when measuring; 0 for the most likely responses (default: that of training)",
    ),
  evalEvery: z.int().nonnegative().default(0)
    .describe(
      "Steps between measurements, the best of which keeps its adapter in best/; 0 measures only before and after training",
    ),
};

/** Sampling of responses, beside the temperature. */
export const groupGenerationFields = without(generationFields, "minLength", "temperature");

/** Guards against divergence. */
export const groupGuardFields = {
  maxTokenKl: guardFields.maxTokenKl
    .describe(
      "Maximum KL of a step's policy from the one before, in nats a token; beyond it the policy has collapsed",
    ),
  onDivergence: guardFields.onDivergence,
};

/** GRPO; steps and seed are among the settings of the run. */
export const grpoFields = without(grpoConfigSchema.shape, "steps", "seed");

/** RLOO, likewise. */
export const rlooFields = without(rlooConfigSchema.shape, "steps", "seed");

const fieldsBeside = {
  ...groupRunFields,
  ...groupModelFields,
  ...loraFields,
  ...groupDataFields,
  ...groupRewardFields,
  ...groupEvaluationFields,
  ...groupGenerationFields,
  ...groupGuardFields,
  ...fleetFields,
  ...deviceFields,
};

/** Every setting of a GRPO run. */
export const grpoRunConfigSchema = z.strictObject({
  kind: z.enum(["grpo"]).default("grpo").describe("Kind of the run"),
  ...fieldsBeside,
  ...grpoFields,
});

/** Every setting of an RLOO run. */
export const rlooRunConfigSchema = z.strictObject({
  kind: z.enum(["rloo"]).default("rloo").describe("Kind of the run"),
  ...fieldsBeside,
  ...rlooFields,
});

/** Settings that runs of algorithms on groups share. */
export type GroupRunConfig =
  & Omit<GrpoRunConfig | RlooRunConfig, "kind">
  & { readonly kind: "grpo" | "rloo" };

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveGrpoRunConfig(input: Partial<GrpoRunConfig> = {}): GrpoRunConfig {
  const { settings } = withSettingNames(grpoRunConfigSchema, input);
  const config: GrpoRunConfig = parseSettings(
    grpoRunConfigSchema,
    withBatchSize(withDemoGroupSettings(settings)),
  );
  checkShared(config);
  grpoConfigOf(config);
  return config;
}

/**
 * Fills in defaults (for the demo's model, the demo's own) and checks every setting.
 *
 * @throws {UserError} naming the setting, its value and what is allowed
 */
export function resolveRlooRunConfig(input: Partial<RlooRunConfig> = {}): RlooRunConfig {
  const { settings } = withSettingNames(rlooRunConfigSchema, input);
  const config: RlooRunConfig = parseSettings(
    rlooRunConfigSchema,
    withBatchSize(withDemoGroupSettings(settings)),
  );
  checkShared(config);
  rlooConfigOf(config);
  return config;
}

/** GRPO's part of a run's settings. @throws {UserError} when they do not go together */
export function grpoConfigOf(config: GrpoRunConfig): GRPOConfig {
  return resolveGRPOConfig(partOf(grpoConfigSchema, config));
}

/** RLOO's part of a run's settings. @throws {UserError} when they do not go together */
export function rlooConfigOf(config: RlooRunConfig): RLOOConfig {
  return resolveRLOOConfig(partOf(rlooConfigSchema, config));
}

function checkShared(config: GrpoRunConfig | RlooRunConfig): void {
  checkLoraSettings(config);
  checkPrompt(config);
  checkRewardWeights(config);
}
