import { UserError } from "../errors.ts";
import { z } from "../packages/zod.ts";
import { parseSettings } from "../settings/settings.ts";
import type { SnakeCase } from "../settings/names.ts";
import type { DPOConfig } from "./dpo_config_type.ts";
import { DPO_LOSS_TYPES } from "./dpo_loss.ts";
import { preferenceConfigFields, referenceField } from "./preference_config.ts";

export type { DPOConfig };

/** Schema of DPO's settings: TRL's `DPOConfig` in camelCase. */
export const dpoConfigSchema = z.strictObject({
  ...preferenceConfigFields,
  lossType: z.enum(DPO_LOSS_TYPES).default("sigmoid")
    .describe("Loss of a pair"),
  beta: z.number().positive().default(0.1)
    .describe("Strength with which the policy is held to the reference"),
  labelSmoothing: z.number().min(0).lt(0.5).default(0)
    .describe("Probability that a preference is the wrong way round, for sigmoid and robust"),
  rpoAlpha: z.number().nonnegative().nullable().default(null)
    .describe("Weight of the negative log-likelihood of the chosen answers (none: 0)"),
  reference: referenceField,
  compat: z.enum(["none", "trl-0.19"]).default("none")
    .describe(
      "Compatibility mode; trl-0.19 leaves the last token of a batch's longest answers out for encoder-decoders, as TRL 0.19 does",
    ),
});

/** Number of steps, and any other setting, by its own name or by TRL's: `lossType` or `loss_type`. */
export type DPOConfigInput =
  & Pick<DPOConfig, "steps">
  & Partial<DPOConfig>
  & { [Name in keyof DPOConfig as SnakeCase<Name>]?: DPOConfig[Name] };

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws {UserError} naming the first setting that is not possible, its value and what is allowed
 */
export function resolveDPOConfig(input: DPOConfigInput): DPOConfig {
  const config: DPOConfig = parseSettings(dpoConfigSchema, input);
  const { lossType, labelSmoothing } = config;
  if (labelSmoothing > 0 && lossType !== "sigmoid" && lossType !== "robust") {
    throw new UserError(
      `\`labelSmoothing\` is ${labelSmoothing}, but the loss ${lossType} has none: leave it out, or take sigmoid or robust`,
    );
  }
  return config;
}
