import { z } from "../packages/zod.ts";
import type { SnakeCase } from "../settings/names.ts";
import { parseSettings } from "../settings/settings.ts";
import type { ORPOConfig } from "./orpo_config_type.ts";
import { preferenceConfigFields } from "./preference_config.ts";

export type { ORPOConfig };

/** Schema of ORPO's settings: TRL's `ORPOConfig` in camelCase. */
export const orpoConfigSchema = z.strictObject({
  ...preferenceConfigFields,
  beta: z.number().positive().default(0.1)
    .describe("Weight of the odds ratio beside the likelihood of the chosen answer"),
});

/** Number of steps, and any other setting, by its own name or by TRL's: `maxLength` or `max_length`. */
export type ORPOConfigInput =
  & Pick<ORPOConfig, "steps">
  & Partial<ORPOConfig>
  & { [Name in keyof ORPOConfig as SnakeCase<Name>]?: ORPOConfig[Name] };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveORPOConfig(input: ORPOConfigInput): ORPOConfig {
  return parseSettings(orpoConfigSchema, input);
}
