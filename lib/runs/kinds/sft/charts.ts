import type { ChartSpec } from "../chart_spec.ts";

/** Charts of a run of supervised fine-tuning, in the order in which they are shown. */
export const SFT_CHARTS: readonly ChartSpec[] = [
  {
    id: "sft-loss",
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
    title: "Gradient norm",
    help: "Length of the gradient before it is clipped.",
    unit: "",
    series: [{ metric: "grad_norm", label: "gradient norm" }],
  },
  {
    id: "sft-learning-rate",
    title: "Learning rate",
    help: "Step size of the optimizer after warm-up and schedule.",
    unit: "",
    series: [{ metric: "learning_rate", label: "learning rate" }],
  },
];
