import type { ChartSpec } from "../chart_spec.ts";
import { GRAD_NORM, LEARNING_RATE, trainingAndTest } from "../common_charts.ts";

/** Charts of a reward model's training, in the order in which they are shown. */
export const REWARD_CHARTS: readonly ChartSpec[] = [
  {
    id: "reward-accuracy",
    title: "Accuracy",
    help: "Share of the pairs whose chosen answer has the larger reward.",
    unit: "",
    series: trainingAndTest("accuracy"),
  },
  {
    id: "reward-margin",
    title: "Margin",
    help: "Mean of the chosen answer's reward minus the rejected one's.",
    unit: "",
    series: trainingAndTest("margin"),
  },
  {
    id: "reward-loss",
    title: "Loss",
    help: "Mean loss of the step's pairs, and of the test pairs.",
    unit: "",
    series: trainingAndTest("loss"),
  },
  {
    id: "reward-rewards",
    title: "Rewards",
    help: "Smallest, mean and largest reward of the step's answers.",
    unit: "",
    series: [
      { metric: "min_reward", label: "minimum" },
      { metric: "mean_reward", label: "mean" },
      { metric: "max_reward", label: "maximum" },
    ],
  },
  { ...GRAD_NORM, id: "reward-grad-norm" },
  { ...LEARNING_RATE, id: "reward-learning-rate" },
];
