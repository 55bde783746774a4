import type { ChartSpec } from "../chart_spec.ts";
import { GRAD_NORM, LEARNING_RATE, trainingAndTest } from "../common_charts.ts";

/** Charts of a run of supervised fine-tuning, in the order in which they are shown. */
export const SFT_CHARTS: readonly ChartSpec[] = [
  {
    id: "sft-loss",
    title: "Loss",
    help: "Mean of −log p over the labels of the step, and over those of the test examples.",
    unit: "nats/token",
    series: trainingAndTest("loss"),
  },
  { ...GRAD_NORM, id: "sft-grad-norm" },
  { ...LEARNING_RATE, id: "sft-learning-rate" },
];
