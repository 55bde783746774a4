import {
  grpoConfigOf,
  type GrpoRunConfig,
  grpoRunConfigSchema,
  resolveGrpoRunConfig,
} from "../../settings/group_config.ts";
import { groupKind } from "../group/kind.ts";

/** Group relative policy optimisation: `temper grpo`. */
export const grpo: ReturnType<typeof groupKind<GrpoRunConfig>> = groupKind({
  kind: "grpo",
  title: "GRPO",
  schema: grpoRunConfigSchema,
  resolve: resolveGrpoRunConfig,
  async trainer() {
    const { GRPOTrainer } = await import("../../../rl/grpo_trainer.ts");
    return (policy, config) => new GRPOTrainer(policy, grpoConfigOf(config));
  },
});
