import type { ChartSpec } from "../chart_spec.ts";

/** Charts of a reward model's training, in the order in which they are shown. */
export const REWARD_CHARTS: readonly ChartSpec[] = [
  {
    id: "reward-accuracy",
    title: "Accuracy",
    help: "Share of the pairs whose chosen answer has the larger reward.",
    unit: "",
    series: [
      { metric: "accuracy", label: "training" },
      { metric: "eval_accuracy", label: "test" },
    ],
  },
  {
    id: "reward-margin",
    title: "Margin",
    help: "Mean of the chosen answer's reward minus the rejected one's.",
    unit: "",
    series: [
      { metric: "margin", label: "training" },
      { metric: "eval_margin", label: "test" },
    ],
  },
  {
    id: "reward-loss",
    title: "Loss",
    help: "Mean loss of the step's pairs, and of the test pairs.",
    unit: "",
    series: [
      { metric: "loss", label: "training" },
      { metric: "eval_loss", label: "test" },
    ],
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
  {
    id: "reward-grad-norm",
    title: "Gradient norm",
    help: "Norm of the gradient before it is clipped.",
    unit: "",
    series: [{ metric: "grad_norm", label: "gradient norm" }],
  },
  {
    id: "reward-learning-rate",
    title: "Learning rate",
    help: "Learning rate of the optimizer, with warm-up and schedule.",
    unit: "",
    series: [{ metric: "learning_rate", label: "learning rate" }],
  },
];
