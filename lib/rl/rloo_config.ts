import { z } from "../packages/zod.ts";
import type { SnakeCase } from "../settings/names.ts";
import { parseSettings, withSettingNames } from "../settings/settings.ts";
import { checkGroupConfig, groupConfigFields, withBatchSize } from "./group_config.ts";
import type { RLOOConfig } from "./rloo_config_type.ts";

export type { RLOOConfig };

/** Schema of RLOO's settings: TRL's `RLOOConfig` in camelCase, with the names that older versions had. */
export const rlooConfigSchema = z.strictObject({
  ...groupConfigFields,
  numGenerations: z.int().min(2).default(2).meta({ aliases: ["rlooK"] })
    .describe("Responses to each prompt, which make up a group"),
  maxCompletionLength: z.int().positive().default(256).meta({ aliases: ["responseLength"] })
    .describe("Maximum number of tokens of a response"),

  beta: z.number().nonnegative().default(0.05).meta({ aliases: ["klCoef"] })
    .describe("Coefficient of the KL from the reference, which is subtracted from the reward"),
  epsilon: z.number().positive().default(0.2).meta({ aliases: ["cliprange"] })
    .describe("Clip range for the ratio of a whole response"),
  missingEosPenalty: z.number().nonnegative().default(0)
    .describe("Penalty that is subtracted from the reward of a response without an end token"),
  normalizeReward: z.boolean().default(false)
    .describe("Shift and scale a batch's rewards to mean 0 and std 1"),
  rewardClipRange: z.number().positive().nullable().default(null)
    .describe("Bound of the normalized rewards' size (none: no bound)"),
  normalizeAdvantages: z.boolean().default(false).meta({ aliases: ["normalizeAdvantage"] })
    .describe("Shift and scale a batch's advantages to mean 0 and std 1"),
});

/** Number of steps, and any other setting, by its own name or by TRL's: `numGenerations` or `num_generations`. */
export type RLOOConfigInput =
  & Pick<RLOOConfig, "steps">
  & Partial<RLOOConfig>
  & { [Name in keyof RLOOConfig as SnakeCase<Name>]?: RLOOConfig[Name] };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveRLOOConfig(input: RLOOConfigInput): RLOOConfig {
  const { settings } = withSettingNames(rlooConfigSchema, input);
  const config: RLOOConfig = parseSettings(rlooConfigSchema, withBatchSize(settings));
  checkGroupConfig(config);
  return config;
}
