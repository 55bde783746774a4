import type { ChartSpec } from "../chart_spec.ts";

/** Charts of a run of supervised fine-tuning, in the order in which they are shown. */
export const SFT_CHARTS: readonly ChartSpec[] = [
  {
    id: "sft-loss",
    title: "Loss",
    help: "Mean of −log p over the labels of the step, and over those of the test examples.",
    unit: "nats/token",
    series: [
      { metric: "loss", label: "training" },
      { metric: "eval_loss", label: "test" },
    ],
  },
  {
    id: "sft-grad-norm",
    title: "Gradient norm",
    help: "Norm of the gradient before it is clipped.",
    unit: "",
    series: [{ metric: "grad_norm", label: "gradient norm" }],
  },
  {
    id: "sft-learning-rate",
    title: "Learning rate",
    help: "Learning rate of the optimizer, with warm-up and schedule.",
    unit: "",
    series: [{ metric: "learning_rate", label: "learning rate" }],
  },
];
