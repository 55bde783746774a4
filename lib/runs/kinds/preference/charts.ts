import type { ChartSpec } from "../chart_spec.ts";
import { ENTROPY, GRAD_NORM, LEARNING_RATE, trainingAndTest } from "../common_charts.ts";

/** Charts of a run on preferences, in the order in which they are shown. */
export function preferenceCharts(kind: "dpo" | "orpo" | "kto"): ChartSpec[] {
  const isPairs = kind !== "kto";
  return [
    {
      id: "preference-loss",
      title: "Loss",
      help: "Mean loss of the step, and of the test rows.",
      unit: "",
      series: trainingAndTest("loss"),
    },
    {
      id: "margins",
      title: "Margin",
      help: "Mean implied reward of what is liked, minus that of what is not.",
      unit: "",
      series: trainingAndTest("rewards/margins"),
    },
    {
      id: "accuracies",
      title: "Accuracy",
      help: isPairs
        ? "Share of the pairs whose chosen answer has the higher implied reward."
        : "Share of the answers whose implied reward has the sign of the label.",
      unit: "",
      series: trainingAndTest("rewards/accuracies"),
    },
    {
      id: "implied-rewards",
      title: "Implied rewards",
      help: kind === "orpo"
        ? "Mean log-probability of a token, times beta."
        : "Log-probability of an answer relative to the reference, times beta.",
      unit: "",
      series: [
        { metric: "rewards/chosen", label: "chosen" },
        { metric: "rewards/rejected", label: "rejected" },
      ],
    },
    {
      id: "logps",
      title: "Log-probabilities",
      help: "Mean log-probability of the answers under the policy.",
      unit: "nats",
      series: [
        { metric: "logps/chosen", label: "chosen" },
        { metric: "logps/rejected", label: "rejected" },
      ],
    },
    {
      id: "logits",
      title: "Logits",
      help: "Mean of the whole vocabulary's logits at the answers' tokens.",
      unit: "",
      series: [
        { metric: "logits/chosen", label: "chosen" },
        { metric: "logits/rejected", label: "rejected" },
      ],
    },
    ...(kind === "kto"
      ? [{
        id: "preference-kl",
        title: "KL from the reference",
        help: "Estimate on prompts with answers of other rows, at least 0.",
        unit: "nats",
        series: [{ metric: "kl", label: "KL" }],
      }]
      : []),
    {
      ...ENTROPY,
      id: "preference-entropy",
      help: "Entropy of the next-token distribution over the answers.",
    },
    { ...GRAD_NORM, id: "preference-grad-norm" },
    { ...LEARNING_RATE, id: "preference-learning-rate" },
  ];
}
