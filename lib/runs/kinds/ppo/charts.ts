import type { ChartSpec } from "../chart_spec.ts";

/** Charts of a PPO run, in the order in which they are shown. */
export const PPO_CHARTS: readonly ChartSpec[] = [
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
    series: [{ metric: "tokens_per_second", label: "tokens per second" }],
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
      { metric: "time/other", label: "other" },
    ],
  },
];
