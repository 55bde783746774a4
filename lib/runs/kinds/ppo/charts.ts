import { type ChartSpec, quantileSeries } from "../chart_spec.ts";
import { FLEET_CHARTS } from "../fleet/charts.ts";
import { ENTROPY, LEARNING_RATE, STEP_TIME } from "../common_charts.ts";

/** Charts of a PPO run, in the order in which they are shown. */
export const PPO_CHARTS: readonly ChartSpec[] = [
  {
    id: "reward",
    title: "Reward",
    help: "Mean score of the responses, before the KL penalty.",
    unit: "",
    series: [{ metric: "ppo/mean_scores", label: "mean reward" }],
  },
  {
    id: "rewards",
    title: "Each reward",
    help: "Mean score of each of several rewards, before its weight.",
    unit: "",
    series: [],
    each: { prefix: "rewards/", suffix: "/mean" },
  },
  {
    id: "reward-spread",
    title: "Reward: distribution",
    help: "Quantiles of the responses' scores in a step.",
    unit: "",
    series: quantileSeries("env/reward_dist"),
    bands: true,
  },
  {
    id: "toxicity",
    title: "Toxicity",
    help: "Toxicity on test prompts during training, with its 95 % confidence interval.",
    unit: "",
    series: [
      { metric: "eval/toxicity_low", label: "from" },
      { metric: "eval/toxicity", label: "mean" },
      { metric: "eval/toxicity_high", label: "to" },
    ],
    bands: true,
  },
  {
    id: "kl",
    title: "KL from the reference",
    help: "Mean KL of a response from the reference policy, and coefficient of its penalty.",
    unit: "nats",
    rightUnit: "",
    series: [
      { metric: "objective/kl", label: "KL per response" },
      { metric: "objective/kl_coef", label: "coefficient", right: true },
    ],
  },
  {
    id: "kl-spread",
    title: "KL: distribution",
    help: "Quantiles of the responses' KL from the reference in a step.",
    unit: "nats",
    series: quantileSeries("objective/kl_dist"),
    bands: true,
  },
  {
    id: "loss",
    title: "Loss",
    help: "Clipped objective of the policy, and squared error of the value head.",
    unit: "",
    rightUnit: "",
    series: [
      { metric: "ppo/loss/policy", label: "policy" },
      { metric: "ppo/loss/value", label: "value", right: true },
    ],
  },
  { ...ENTROPY, series: [{ metric: "ppo/policy/entropy", label: "entropy" }] },
  {
    id: "clipfrac",
    title: "Clip fraction",
    help: "Share of tokens whose ratio or value was clipped.",
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
      "Share of the returns' variance that the values explain; below zero, worse than their mean.",
    unit: "",
    series: [{ metric: "ppo/val/var_explained", label: "explained variance" }],
  },
  {
    id: "lengths",
    title: "Lengths",
    help: "Mean number of tokens of a prompt and of a response.",
    unit: "tokens",
    series: [
      { metric: "tokens/responses_len_mean", label: "responses" },
      { metric: "tokens/queries_len_mean", label: "prompts" },
    ],
  },
  {
    ...LEARNING_RATE,
    series: [{ metric: "ppo/learning_rate", label: "learning rate" }],
  },
  {
    id: "throughput",
    title: "Throughput",
    help: "Response tokens per second of the whole step.",
    unit: "tokens/s",
    series: [{ metric: "tokens_per_second", label: "tokens per second" }],
  },
  {
    ...STEP_TIME,
    series: [
      { metric: "time/generate", label: "generation" },
      { metric: "time/score", label: "reward" },
      { metric: "time/ppo/forward_pass", label: "forward passes" },
      { metric: "time/ppo/optimize_step", label: "optimization" },
      { metric: "time/other", label: "other" },
    ],
  },
  ...FLEET_CHARTS,
];
