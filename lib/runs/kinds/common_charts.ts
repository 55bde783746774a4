import type { ChartSpec, SeriesSpec } from "./chart_spec.ts";

/** Learning rate of a step. */
export const LEARNING_RATE: ChartSpec = {
  id: "learning-rate",
  title: "Learning rate",
  help: "Learning rate of the optimizer, with warm-up and schedule.",
  unit: "",
  series: [{ metric: "learning_rate", label: "learning rate" }],
};

/** Norm of the gradient, where it has a chart of its own. */
export const GRAD_NORM: ChartSpec = {
  id: "grad-norm",
  title: "Gradient norm",
  help: "Norm of the gradient before it is clipped.",
  unit: "",
  series: [{ metric: "grad_norm", label: "gradient norm" }],
};

/** Entropy of a policy that generates. */
export const ENTROPY: ChartSpec = {
  id: "entropy",
  title: "Entropy",
  help: "Entropy of the next-token distribution; near zero the policy no longer explores.",
  unit: "nats/token",
  series: [{ metric: "entropy", label: "entropy" }],
};

/** Seconds of a step, without its parts, which are a kind's own. */
export const STEP_TIME: Omit<ChartSpec, "series"> = {
  id: "time",
  title: "Time of a step",
  help: "Seconds of each part of a step, stacked.",
  unit: "s",
  stacked: true,
};

/** Lines of a statistic of the training steps, and of its measurement on test rows. */
export function trainingAndTest(metric: string): SeriesSpec[] {
  return [{ metric, label: "training" }, { metric: `eval_${metric}`, label: "test" }];
}
