import { trainConfigSchema } from "../../settings/config.ts";
import { changeOf, meanChangeOf } from "../change.ts";
import type { RunKind } from "../run_kind.ts";
import { PPO_CHARTS } from "./charts.ts";

/** Reinforcement learning with PPO: `temper train`. */
export const ppo: RunKind = {
  kind: "ppo",
  title: "PPO",
  schema: trainConfigSchema,
  mayChange: [
    "steps",
    "saveEvery",
    "keep",
    "progress",
    "log",
    "peftFormat",
    "datasetCache",
    "device",
    "threads",
    "onDivergence",
    "minKl",
    "maxKl",
    "ratioThreshold",
  ],
  headline: [
    { metric: "ppo/mean_scores", label: "reward", better: "higher" },
    { metric: "objective/kl", label: "KL", better: null },
  ],
  charts: PPO_CHARTS,
  stepTimes: ["time/generate", "time/score", "time/ppo/total"],
  command: "train",
  generates: true,
  changes: (summary) => [
    ...meanChangeOf(summary, "toxicity", "lower"),
    ...changeOf(summary, "reward", "higher", ["reward"]),
  ],
};
