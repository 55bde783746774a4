import { z } from "../packages/zod.ts";
import type { SnakeCase } from "../settings/names.ts";
import { without } from "../settings/part.ts";
import { parseSettings } from "../settings/settings.ts";
import { preferenceConfigFields } from "./preference_config.ts";
import type { RewardConfig } from "./reward_config_type.ts";

export type { RewardConfig };

const { maxLength, ...fields } = without(
  preferenceConfigFields,
  "maxPromptLength",
  "maxCompletionLength",
  "truncationMode",
);

/** Schema of a reward model's settings: TRL's `RewardConfig` in camelCase. */
export const rewardConfigSchema = z.strictObject({
  ...fields,
  learningRate: fields.learningRate.default(1e-4),
  maxLength: maxLength
    .describe(
      "Maximum number of tokens of prompt and answer together; pairs with a longer text are left out (none: the model's limit)",
    ),
  centerRewardsCoefficient: z.number().nonnegative().nullable().default(null)
    .describe(
      "Weight of the square of a pair's summed rewards, which keeps them around 0 (none: 0)",
    ),
  compat: z.enum(["none", "trl-0.19"]).default("none")
    .describe(
      "Compatibility mode; trl-0.19 compares every pair of a batch with every margin of it, as TRL 0.19 does",
    ),
});

/**
 * Number of steps, and any other setting, by its own name or by TRL's: `centerRewardsCoefficient` or
 * `center_rewards_coefficient`.
 */
export type RewardConfigInput =
  & Pick<RewardConfig, "steps">
  & Partial<RewardConfig>
  & { [Name in keyof RewardConfig as SnakeCase<Name>]?: RewardConfig[Name] };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveRewardConfig(input: RewardConfigInput): RewardConfig {
  return parseSettings(rewardConfigSchema, input);
}
