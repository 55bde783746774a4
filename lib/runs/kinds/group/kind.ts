import type { z } from "../../../packages/zod.ts";
import type { GroupStats } from "../../../rl/group_trainer.ts";
import type { GroupRunConfig } from "../../settings/group_config.ts";
import { meanChangeOf, measuredOf, winRateChangeOf } from "../change.ts";
import { MAY_CHANGE } from "../may_change.ts";
import type { RunKind } from "../run_kind.ts";
import { GROUP_ADVICE } from "./advice.ts";
import { GROUP_CHARTS } from "./charts.ts";
import type { GroupMeasurement } from "./measurement.ts";
import { BEFORE_FILE, type GroupSummary, groupSummarySchema } from "./summary.ts";
import type { GroupAlgorithm } from "./task.ts";

/** An algorithm on groups, its names and its settings. */
export interface GroupKind<Config extends GroupRunConfig> {
  readonly kind: Config["kind"];
  /** Name for people. */
  readonly title: string;
  readonly schema: z.ZodObject;
  readonly resolve: RunKind<Config>["resolve"];
  /** Loads what makes the trainer: lists and help do not need it. */
  trainer(): Promise<GroupAlgorithm<Config>["trainer"]>;
}

/** Makes the kind of run of an algorithm on groups. */
export function groupKind<Config extends GroupRunConfig>(
  { kind, title, schema, resolve, trainer }: GroupKind<Config>,
): RunKind<Config, GroupStats, GroupMeasurement, GroupSummary> {
  return {
    kind,
    title,
    schema,
    mayChange: [
      ...MAY_CHANGE,
      "peftFormat",
      "activationMemory",
      "onDivergence",
      "maxTokenKl",
    ],
    headline: [
      { metric: "reward", label: "reward", better: "higher" },
      { metric: "kl", label: "KL", better: null },
    ],
    charts: GROUP_CHARTS,
    advice: GROUP_ADVICE,
    curves: ["reward", "kl", "loss"],
    stepTimes: ["time/generate", "time/score", "time/optimize"],
    command: kind,
    changes: (summary) => [
      ...Object.keys(Object(summary.rewards)).flatMap((name) =>
        meanChangeOf(summary, name, "higher", ["rewards", name])
      ),
      ...winRateChangeOf(summary),
    ],
    before: {
      file: BEFORE_FILE,
      read: (measurement) =>
        Object.keys(Object(measurement.rewards)).flatMap((name) =>
          measuredOf(measurement, name, ["rewards", name, "mean"])
        ),
    },
    records: ["comparison.csv"],
    summarySchema: groupSummarySchema,
    resolve,
    answerSettings: (config) => config,
    async openGenerator(context, lora) {
      const { openGroupGenerator } = await import("./generator.ts");
      return await openGroupGenerator(context, lora);
    },
    async open(context) {
      const { GroupTask } = await import("./task.ts");
      return await GroupTask.open(context, { title, trainer: await trainer() });
    },
  };
}
