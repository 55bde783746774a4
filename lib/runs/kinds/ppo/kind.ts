import type { PolicyToxicity } from "../../../evaluation/evaluate_policy.ts";
import type { PPOStats } from "../../../rl/statistics.ts";
import { resolveTrainConfig, type TrainConfig, trainConfigSchema } from "../../settings/config.ts";
import { changeOf, meanChangeOf, measuredOf } from "../change.ts";
import { MAY_CHANGE } from "../may_change.ts";
import type { RunKind } from "../run_kind.ts";
import { PPO_CHARTS } from "./charts.ts";
import { BEFORE_FILE, type Summary, summarySchema } from "./summary.ts";

/** Reinforcement learning with PPO: `temper train`. */
export const ppo: RunKind<TrainConfig, PPOStats, PolicyToxicity, Summary> = {
  kind: "ppo",
  title: "PPO",
  schema: trainConfigSchema,
  mayChange: [
    ...MAY_CHANGE,
    "peftFormat",
    "activationMemory",
    "onDivergence",
    "minKl",
    "maxKl",
    "maxTokenKl",
    "ratioThreshold",
  ],
  headline: [
    { metric: "ppo/mean_scores", label: "reward", better: "higher" },
    { metric: "objective/kl", label: "KL", better: null },
  ],
  charts: PPO_CHARTS,
  curves: ["ppo/mean_scores", "objective/kl", "ppo/loss/total"],
  stepTimes: ["time/generate", "time/score", "time/ppo/total"],
  command: "train",
  changes: (summary) => [
    ...meanChangeOf(summary, "toxicity", "lower"),
    ...changeOf(summary, "reward", "higher", ["reward"]),
  ],
  before: {
    file: BEFORE_FILE,
    read: (toxicity) => measuredOf(toxicity, "toxicity", ["mean"]),
  },
  records: ["comparison.csv"],
  summarySchema,
  resolve: resolveTrainConfig,
  answerSettings: (config) => config,
  openGenerator: async (context, lora) =>
    await (await import("./generator.ts")).openPPOGenerator(context, lora),
  // Lists and help do not need what trains.
  open: async (context) => await (await import("./task.ts")).PPOTask.open(context),
};
