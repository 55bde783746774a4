import type { RunKind } from "./overview.ts";

/** A line of a chart. */
export interface SeriesSpec {
  /** Statistic of `metrics.jsonl`, or one of {@linkcode DERIVED}. */
  metric: string;
  /** What the legend calls it. */
  label: string;
  /** Whether it has its scale on the right, for a quantity of another size. */
  right?: boolean;
}

/** A chart of a run's page. */
export interface ChartSpec {
  /** Names it in addresses. */
  id: string;
  /** Its heading. */
  title: string;
  /** What the reader should know of it: one sentence. */
  help: string;
  /** Unit of the values; empty for a pure number. */
  unit: string;
  /** Unit of the values on the right, where there are some. */
  rightUnit?: string;
  /** Its lines. */
  series: readonly SeriesSpec[];
  /** What kind of run it is of; PPO when it is not given. */
  of?: RunKind;
  /** Whether the lines are parts of a whole, shown on top of each other. */
  stacked?: boolean;
}

/** Statistics that are computed from others. */
export const DERIVED = {
  /** Seconds of training up to the end of the step: a sum, so that pauses do not count. */
  elapsed: "elapsed",
  /** Tokens of responses for each second of the whole step. */
  tokensPerSecond: "tokens_per_second",
  /** Seconds of the PPO step that no other part of the chart has. */
  otherTime: "time/other",
} as const;

/** Parts of a step's time that are measured apart. */
export const STEP_TIMES: readonly string[] = [
  "time/generate",
  "time/score",
  "time/ppo/forward_pass",
  "time/ppo/optimize_step",
];

/** The charts of runs of all kinds, in the order in which they are shown. */
export const CHARTS: readonly ChartSpec[] = [
  {
    id: "reward",
    title: "Reward",
    help: "Mean score of the step's responses, before the KL penalty.",
    unit: "",
    series: [{ metric: "ppo/mean_scores", label: "mean reward" }],
  },
  {
    id: "kl",
    title: "KL from the reference",
    help: "Distance of a response from the reference policy, and its price.",
    unit: "nats",
    rightUnit: "",
    series: [
      { metric: "objective/kl", label: "KL per response" },
      { metric: "objective/kl_coef", label: "coefficient", right: true },
    ],
  },
  {
    id: "loss",
    title: "Loss",
    help: "Clipped objective of the policy, and squared error of the values.",
    unit: "",
    rightUnit: "",
    series: [
      { metric: "ppo/loss/policy", label: "policy" },
      { metric: "ppo/loss/value", label: "value", right: true },
    ],
  },
  {
    id: "entropy",
    title: "Entropy",
    help: "Spread of the policy's next-token distribution; near zero it no longer explores.",
    unit: "nats/token",
    series: [{ metric: "ppo/policy/entropy", label: "entropy" }],
  },
  {
    id: "clipfrac",
    title: "Clip fraction",
    help: "Share of tokens whose update was cut off by the clip range.",
    unit: "",
    series: [
      { metric: "ppo/policy/clipfrac", label: "policy" },
      { metric: "ppo/val/clipfrac", label: "value" },
    ],
  },
  {
    id: "explained",
    title: "Value: explained variance",
    help:
      "1 when the value head foresees the returns, 0 when it knows nothing, below 0 when worse.",
    unit: "",
    series: [{ metric: "ppo/val/var_explained", label: "explained variance" }],
  },
  {
    id: "lengths",
    title: "Lengths",
    help: "Mean tokens of the prompts and of the responses.",
    unit: "tokens",
    series: [
      { metric: "tokens/responses_len_mean", label: "responses" },
      { metric: "tokens/queries_len_mean", label: "prompts" },
    ],
  },
  {
    id: "learning-rate",
    title: "Learning rate",
    help: "Step size of the optimizer after warm-up and schedule.",
    unit: "",
    series: [{ metric: "ppo/learning_rate", label: "learning rate" }],
  },
  {
    id: "throughput",
    title: "Throughput",
    help: "Response tokens for each second of the whole step.",
    unit: "tokens/s",
    series: [{ metric: DERIVED.tokensPerSecond, label: "tokens per second" }],
  },
  {
    id: "time",
    title: "Where the time goes",
    help: "Seconds of each part of a step, on top of each other.",
    unit: "s",
    stacked: true,
    series: [
      { metric: "time/generate", label: "generation" },
      { metric: "time/score", label: "reward" },
      { metric: "time/ppo/forward_pass", label: "forward passes" },
      { metric: "time/ppo/optimize_step", label: "optimisation" },
      { metric: DERIVED.otherTime, label: "other" },
    ],
  },
  {
    id: "sft-loss",
    of: "sft",
    title: "Loss",
    help: "Mean of −log p over the labels: of the step's examples, and of those measured.",
    unit: "nats/token",
    series: [
      { metric: "loss", label: "training" },
      { metric: "eval_loss", label: "measured" },
    ],
  },
  {
    id: "sft-grad-norm",
    of: "sft",
    title: "Gradient norm",
    help: "Length of the gradient before it is clipped.",
    unit: "",
    series: [{ metric: "grad_norm", label: "gradient norm" }],
  },
  {
    id: "sft-learning-rate",
    of: "sft",
    title: "Learning rate",
    help: "Step size of the optimizer after warm-up and schedule.",
    unit: "",
    series: [{ metric: "learning_rate", label: "learning rate" }],
  },
];

/** The charts of a kind of run. */
export function chartsOf(kind: RunKind): ChartSpec[] {
  return CHARTS.filter(({ of = "ppo" }) => of === kind);
}

/** Every statistic that a chart shows. */
export const CHARTED: readonly string[] = [
  ...new Set(CHARTS.flatMap(({ series }) => series.map(({ metric }) => metric))),
];

/** Points of a chart. All arrays are equally long; null where there is no number. */
export interface ChartData {
  /** Statistic of each series, in the order of the chart's. */
  metrics: string[];
  /** Steps, ascending. */
  step: number[];
  /** Seconds of training at the end of each. */
  elapsed: number[];
  /** Values of each series. */
  values: (number | null)[][];
}

/** Points of all charts of a run, by the charts' ids. */
export interface RunSeries {
  /** The last step there is. */
  lastStep: number;
  /** The charts' points. */
  charts: Record<string, ChartData>;
}

/** What a step adds to the charts. */
export interface StepPoint {
  /** Its number, from 1. */
  step: number;
  /** Seconds of training at its end. */
  elapsed: number;
  /** Values by statistic; null where there is no number. */
  values: Record<string, number | null>;
}
