import {
  resolveRlooRunConfig,
  rlooConfigOf,
  type RlooRunConfig,
  rlooRunConfigSchema,
} from "../../settings/group_config.ts";
import { groupKind } from "../group/kind.ts";

/** REINFORCE leave-one-out: `temper rloo`. */
export const rloo: ReturnType<typeof groupKind<RlooRunConfig>> = groupKind({
  kind: "rloo",
  title: "RLOO",
  schema: rlooRunConfigSchema,
  resolve: resolveRlooRunConfig,
  async trainer() {
    const { RLOOTrainer } = await import("../../../rl/rloo_trainer.ts");
    return (policy, config) => new RLOOTrainer(policy, rlooConfigOf(config));
  },
});
