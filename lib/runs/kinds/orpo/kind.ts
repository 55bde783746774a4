import {
  orpoConfigOf,
  type OrpoRunConfig,
  orpoRunConfigSchema,
  resolveOrpoRunConfig,
} from "../../settings/preference_config.ts";
import { type AnyPreferenceKind, preferenceKind } from "../preference/kind.ts";

/** Odds ratio preference optimisation: `temper orpo`. */
export const orpo: AnyPreferenceKind<OrpoRunConfig> = preferenceKind({
  kind: "orpo",
  title: "ORPO",
  schema: orpoRunConfigSchema,
  resolve: resolveOrpoRunConfig,
  async algorithm() {
    const { ORPOTrainer } = await import("../../../preference/orpo_trainer.ts");
    const { pairResults, pairRows } = await import("../preference/pairs.ts");
    return {
      rows: pairRows,
      learner(policy, config: OrpoRunConfig, train) {
        const trainer = new ORPOTrainer(policy, orpoConfigOf(config, train.length));
        return {
          trainer,
          steps: trainer.config.steps,
          step: async (pairs) => pairResults(await trainer.step(pairs)),
          evaluate: async (pairs) => pairResults(await trainer.evaluate(pairs)),
        };
      },
    };
  },
});
