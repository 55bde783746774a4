import { z } from "../packages/zod.ts";
import type { SnakeCase } from "../settings/names.ts";
import { parseSettings } from "../settings/settings.ts";
import type { KTOConfig } from "./kto_config_type.ts";
import { preferenceConfigFields, referenceField } from "./preference_config.ts";

export type { KTOConfig };

/** Schema of KTO's settings: TRL's `KTOConfig` in camelCase. */
export const ktoConfigSchema = z.strictObject({
  ...preferenceConfigFields,
  lossType: z.enum(["kto", "apo_zero_unpaired"]).default("kto")
    .describe("Loss of an answer; apo_zero_unpaired uses 0 in place of the KL"),
  beta: z.number().positive().default(0.1)
    .describe("Strength with which the policy is held to the reference"),
  desirableWeight: z.number().nonnegative().default(1)
    .describe("Weight of desirable answers"),
  undesirableWeight: z.number().nonnegative().default(1)
    .describe("Weight of undesirable answers"),
  reference: referenceField,
});

/** Number of steps, and any other setting, by its own name or by TRL's: `lossType` or `loss_type`. */
export type KTOConfigInput =
  & Pick<KTOConfig, "steps">
  & Partial<KTOConfig>
  & { [Name in keyof KTOConfig as SnakeCase<Name>]?: KTOConfig[Name] };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveKTOConfig(input: KTOConfigInput): KTOConfig {
  return parseSettings(ktoConfigSchema, input);
}
