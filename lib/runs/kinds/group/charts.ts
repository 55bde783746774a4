import { type ChartSpec, quantileSeries } from "../chart_spec.ts";
import { FLEET_CHARTS } from "../fleet/charts.ts";
import { ENTROPY, LEARNING_RATE, STEP_TIME } from "../common_charts.ts";

/** Charts of a run of GRPO or RLOO, in the order in which they are shown. */
export const GROUP_CHARTS: readonly ChartSpec[] = [
  {
    id: "reward",
    title: "Reward",
    help: "Mean weighted reward of the responses, and the mean std within a group.",
    unit: "",
    series: [
      { metric: "reward", label: "reward" },
      { metric: "reward_std", label: "std in a group" },
    ],
  },
  {
    id: "rewards",
    title: "Each reward",
    help: "Mean of each reward, before its weight.",
    unit: "",
    series: [],
    each: { prefix: "rewards/", suffix: "/mean" },
  },
  {
    id: "reward-spread",
    title: "Reward: distribution",
    help: "Quantiles of the responses' rewards in a step.",
    unit: "",
    series: quantileSeries("reward_dist"),
    bands: true,
  },
  {
    id: "zero-std",
    title: "Groups without spread",
    help: "Share of groups whose rewards are all equal: nothing can be learned from them.",
    unit: "",
    series: [{ metric: "frac_reward_zero_std", label: "share of groups" }],
  },
  {
    id: "evaluation",
    title: "Reward on test prompts",
    help: "Mean of each reward on test prompts during training.",
    unit: "",
    series: [],
    each: { prefix: "eval/", suffix: "/mean" },
  },
  {
    id: "kl",
    title: "KL from the reference",
    help: "KL from the reference policy: per token in GRPO, per response in RLOO.",
    unit: "nats",
    series: [{ metric: "kl", label: "KL" }],
  },
  {
    id: "loss",
    title: "Loss",
    help: "Loss of the policy, and the norm of its gradient.",
    unit: "",
    rightUnit: "",
    series: [
      { metric: "loss", label: "loss" },
      { metric: "grad_norm", label: "gradient norm", right: true },
    ],
  },
  ENTROPY,
  {
    id: "clip-ratio",
    title: "Clip ratio",
    help: "Share of tokens (RLOO: responses) whose ratio was clipped.",
    unit: "",
    series: [
      { metric: "clip_ratio/low_mean", label: "low" },
      { metric: "clip_ratio/high_mean", label: "high" },
    ],
  },
  {
    id: "lengths",
    title: "Lengths",
    help: "Mean number of tokens of a response, and of one that ends by itself.",
    unit: "tokens",
    series: [
      { metric: "completions/mean_length", label: "responses" },
      { metric: "completions/mean_terminated_length", label: "ended" },
    ],
  },
  {
    id: "clipped",
    title: "Responses cut off",
    help: "Share of responses without an end token.",
    unit: "",
    series: [{ metric: "completions/clipped_ratio", label: "share" }],
  },
  LEARNING_RATE,
  {
    ...STEP_TIME,
    series: [
      { metric: "time/generate", label: "generation" },
      { metric: "time/score", label: "reward" },
      { metric: "time/optimize", label: "optimization" },
    ],
  },
  ...FLEET_CHARTS,
];
