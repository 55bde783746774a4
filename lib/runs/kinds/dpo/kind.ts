import {
  dpoConfigOf,
  type DpoRunConfig,
  dpoRunConfigSchema,
  resolveDpoRunConfig,
} from "../../settings/preference_config.ts";
import { type AnyPreferenceKind, preferenceKind } from "../preference/kind.ts";

/** Direct preference optimisation: `temper dpo`. */
export const dpo: AnyPreferenceKind<DpoRunConfig> = preferenceKind({
  kind: "dpo",
  title: "DPO",
  schema: dpoRunConfigSchema,
  resolve: resolveDpoRunConfig,
  // They are the same, bit for bit, whenever they are computed.
  mayChange: ["precomputeRefLogProbs"],
  async algorithm() {
    const { DPOTrainer } = await import("../../../preference/dpo_trainer.ts");
    const { pairResults, pairRows } = await import("../preference/pairs.ts");
    const { KnownLogps } = await import("./known_logps.ts");
    return {
      rows: pairRows,
      learner(policy, config: DpoRunConfig, train) {
        const trainer = new DPOTrainer(policy, dpoConfigOf(config, train.length));
        const known = config.precomputeRefLogProbs ? new KnownLogps(trainer, train) : null;
        return {
          trainer,
          steps: trainer.config.steps,
          step: async (pairs, rows) =>
            pairResults(await trainer.step(pairs, await known?.of(rows))),
          evaluate: async (pairs) => pairResults(await trainer.evaluate(pairs)),
        };
      },
    };
  },
});
