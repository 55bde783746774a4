import type { z } from "../../../packages/zod.ts";
import type { PreferenceRunConfig } from "../../settings/preference_config.ts";
import { changeOf, measuredOf, winRateChangeOf } from "../change.ts";
import { MAY_CHANGE } from "../may_change.ts";
import type { RunKind } from "../run_kind.ts";
import { preferenceCharts } from "./charts.ts";
import type { LearnerStats, Lesson, PreferenceAlgorithm } from "./learner.ts";
import type { PreferenceMeasurement } from "./measurement.ts";
import { BEFORE_FILE, type PreferenceSummary, preferenceSummarySchema } from "./summary.ts";

/** Kind of run of an algorithm on preferences. */
export type AnyPreferenceKind<Config extends PreferenceRunConfig> = RunKind<
  Config,
  LearnerStats,
  PreferenceMeasurement,
  PreferenceSummary
>;

/** An algorithm on preferences, its names and its settings. */
export interface PreferenceKind<Config extends PreferenceRunConfig, Tokens extends Lesson> {
  readonly kind: Config["kind"];
  /** Name for people. */
  readonly title: string;
  readonly schema: z.ZodObject;
  readonly resolve: RunKind<Config>["resolve"];
  /** Settings of its own that may differ when a run is resumed. */
  readonly mayChange?: readonly string[];
  /** Loads what reads rows and makes the trainer: lists and help do not need it. */
  algorithm(): Promise<Omit<PreferenceAlgorithm<Config, Tokens>, "title">>;
}

/** Makes the kind of run of an algorithm on preferences. */
export function preferenceKind<Config extends PreferenceRunConfig, Tokens extends Lesson>(
  { kind, title, schema, resolve, mayChange = [], algorithm }: PreferenceKind<Config, Tokens>,
): AnyPreferenceKind<Config> {
  return {
    kind,
    title,
    schema,
    mayChange: [
      ...MAY_CHANGE,
      "epochs",
      "peftFormat",
      "activationMemory",
      ...mayChange,
      "evalEvery",
      "onDivergence",
      "maxTokenKl",
    ],
    headline: [
      { metric: "loss", label: "loss", better: "lower" },
      { metric: "rewards/margins", label: "margin", better: "higher" },
    ],
    charts: preferenceCharts(kind),
    curves: ["loss", "rewards/margins"],
    stepTimes: ["time/step"],
    command: kind,
    changes: (summary) => [
      ...changeOf(summary, "accuracy", "higher", ["accuracy"]),
      ...changeOf(summary, "margin", "higher", ["margin"]),
      ...Object.keys(Object(summary.rewards)).flatMap((name) =>
        changeOf(summary, name, "higher", ["rewards", name], ["mean"])
      ),
      ...winRateChangeOf(summary),
      ...changeOf(summary, "loss", "lower", ["loss"]),
    ],
    before: {
      file: BEFORE_FILE,
      read: (measurement) => [
        ...measuredOf(measurement, "accuracy", ["accuracy"]),
        ...measuredOf(measurement, "margin", ["metrics", "rewards/margins"]),
        ...Object.keys(Object(measurement.rewards)).flatMap((name) =>
          measuredOf(measurement, name, ["rewards", name, "mean"])
        ),
        ...measuredOf(measurement, "loss", ["metrics", "loss"]),
      ],
    },
    records: ["comparison.csv", "answers.jsonl"],
    summarySchema: preferenceSummarySchema,
    resolve,
    // A prompt of a dataset of preferences is a whole text.
    answerSettings: (config) => ({ ...config, prompt: "{dialogue}" }),
    async open(context) {
      const { PreferenceTask } = await import("./task.ts");
      return await PreferenceTask.open(context, { title, ...await algorithm() });
    },
  };
}
