import type { RewardStats } from "../../../preference/reward_trainer.ts";
import {
  resolveRewardRunConfig,
  type RewardRunConfig,
  rewardRunConfigSchema,
} from "../../settings/reward_config.ts";
import { changeOf, measuredOf } from "../change.ts";
import { MAY_CHANGE } from "../may_change.ts";
import type { RunKind } from "../run_kind.ts";
import { REWARD_CHARTS } from "./charts.ts";
import type { RewardMeasurement } from "./measurement.ts";
import { BEFORE_FILE, type RewardSummary, rewardSummarySchema } from "./summary.ts";

/** Training of a reward model: `temper reward`. */
export const reward: RunKind<RewardRunConfig, RewardStats, RewardMeasurement, RewardSummary> = {
  kind: "reward",
  title: "reward model",
  schema: rewardRunConfigSchema,
  mayChange: [
    ...MAY_CHANGE,
    "epochs",
    "activationMemory",
    "evalEvery",
    "maxRewardChange",
  ],
  headline: [
    { metric: "accuracy", label: "accuracy", better: "higher" },
    { metric: "margin", label: "margin", better: "higher" },
  ],
  charts: REWARD_CHARTS,
  curves: ["accuracy", "margin", "loss"],
  stepTimes: ["time/step"],
  command: "reward",
  scores: true,
  changes: (summary) => [
    ...changeOf(summary, "accuracy", "higher", ["accuracy"]),
    ...changeOf(summary, "margin", "higher", ["margin"]),
    ...changeOf(summary, "loss", "lower", ["loss"]),
  ],
  before: {
    file: BEFORE_FILE,
    read: (measurement) =>
      ["accuracy", "margin", "loss"].flatMap((name) => measuredOf(measurement, name, [name])),
  },
  records: ["pairs.jsonl"],
  summarySchema: rewardSummarySchema,
  resolve: resolveRewardRunConfig,
  open: async (context) => await (await import("./task.ts")).RewardTask.open(context),
};
