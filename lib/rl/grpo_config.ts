import { UserError } from "../errors.ts";
import { z } from "../packages/zod.ts";
import type { SnakeCase } from "../settings/names.ts";
import { parseSettings, withSettingNames } from "../settings/settings.ts";
import { checkGroupConfig, groupConfigFields, withBatchSize } from "./group_config.ts";
import type { GRPOConfig } from "./grpo_config_type.ts";

export type { GRPOConfig };

/** Schema of GRPO's settings: TRL's `GRPOConfig` in camelCase. */
export const grpoConfigSchema = z.strictObject({
  ...groupConfigFields,
  numGenerations: z.int().min(2).default(8)
    .describe("Responses to each prompt, which make up a group"),
  maxCompletionLength: z.int().positive().default(256)
    .describe("Maximum number of tokens of a response"),

  lossType: z.enum(["grpo", "bnpo", "dr_grpo", "dapo"]).default("dapo")
    .describe(
      "Mean over the tokens: of each response, then over responses (grpo), of a pass (bnpo), with a constant length (dr_grpo), of the whole optimizer step (dapo)",
    ),
  beta: z.number().nonnegative().default(0)
    .describe("Coefficient of the KL from the reference; 0 needs no reference"),
  epsilon: z.number().positive().default(0.2)
    .describe("Lower clip range: the ratio is at least 1 - epsilon"),
  epsilonHigh: z.number().positive().nullable().default(null)
    .describe("Upper clip range: the ratio is at most 1 + epsilonHigh (none: epsilon)"),
  delta: z.number().positive().nullable().default(null)
    .describe(
      "Upper bound of the ratio that is not clipped, for two-sided clipping (none: no bound)",
    ),
  scaleRewards: z.enum(["group", "batch", "none"]).default("group")
    .describe("Std that advantages are divided by: the group's, the batch's, or none"),
  importanceSamplingLevel: z.enum(["token", "sequence"]).default("token")
    .describe("Unit of the ratio: a token, or the whole response (sequence: GSPO)"),
  maskTruncatedCompletions: z.boolean().default(false)
    .describe("Leave responses without an end token out of the loss"),
  dynamicSampling: z.boolean().default(false)
    .describe("Leave groups whose rewards are all equal out of the loss, as DAPO does"),
  syncRefModel: z.boolean().default(false)
    .describe("Move the reference towards the policy as training goes on"),
  refModelMixupAlpha: z.number().min(0).max(1).default(0.6)
    .describe("Share of the policy in the reference when it is moved"),
  refModelSyncSteps: z.int().positive().default(512)
    .describe("Steps between moves of the reference"),
});

/** Number of steps, and any other setting, by its own name or by TRL's: `numGenerations` or `num_generations`. */
export type GRPOConfigInput =
  & Pick<GRPOConfig, "steps">
  & Partial<GRPOConfig>
  & { [Name in keyof GRPOConfig as SnakeCase<Name>]?: GRPOConfig[Name] };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveGRPOConfig(input: GRPOConfigInput): GRPOConfig {
  const { settings } = withSettingNames(grpoConfigSchema, input);
  const config: GRPOConfig = parseSettings(grpoConfigSchema, withBatchSize(settings));
  checkGroupConfig(config);
  if (config.syncRefModel && config.beta === 0) {
    throw new UserError(
      "`syncRefModel` is set, but `beta` is 0, which needs no reference: give a `beta`, or leave it out",
    );
  }
  return config;
}
