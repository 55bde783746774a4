import {
  ktoConfigOf,
  type KtoRunConfig,
  ktoRunConfigSchema,
  resolveKtoRunConfig,
} from "../../settings/preference_config.ts";
import { type AnyPreferenceKind, preferenceKind } from "../preference/kind.ts";

/** Kahneman-Tversky optimisation: `temper kto`. */
export const kto: AnyPreferenceKind<KtoRunConfig> = preferenceKind({
  kind: "kto",
  title: "KTO",
  schema: ktoRunConfigSchema,
  resolve: resolveKtoRunConfig,
  async algorithm() {
    const { KTOTrainer } = await import("../../../preference/kto_trainer.ts");
    const { answerResults, answerRows } = await import("./answers.ts");
    return {
      rows: answerRows,
      learner(policy, config: KtoRunConfig, train) {
        const trainer = new KTOTrainer(policy, ktoConfigOf(config, train.length));
        return {
          trainer,
          steps: trainer.config.steps,
          step: async (answers) => answerResults(answers, await trainer.step(answers)),
          evaluate: async (answers) => answerResults(answers, await trainer.evaluate(answers)),
        };
      },
    };
  },
});
