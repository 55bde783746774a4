import { mean, standardDeviation } from "../training/moments.ts";
import type { Rollout } from "./rollout.ts";

/** Statistics of the rollouts of one PPO step, before the policy is optimised on them. */
export interface BatchStatistics {
  /** Mean over rollouts of the KL from the reference, summed over counted positions; nats. */
  "objective/kl": number;
  /** That sum of each rollout. */
  "objective/kl_dist": Float32Array;
  /** The rollout policy's logprobs at the counted positions of each rollout. */
  "objective/logprobs": readonly Float32Array[];
  /** The reference's logprobs at the counted positions of each rollout. */
  "objective/ref_logprobs": readonly Float32Array[];
  /** The KL coefficient that the rewards were computed with. */
  "objective/kl_coef": number;
  /** Mean over rollouts of the sum of `-logprob` over counted positions; nats. */
  "objective/entropy": number;
  /** Mean KL penalty of a counted position. */
  "ppo/mean_non_score_reward": number;
  /** Mean score of the responses. */
  "ppo/mean_scores": number;
  /** Standard deviation of the scores. */
  "ppo/std_scores": number;
  /** Mean length of the queries, in tokens. */
  "tokens/queries_len_mean": number;
  /** Standard deviation of the queries' lengths. */
  "tokens/queries_len_std": number;
  /** Length of each query. */
  "tokens/queries_dist": Float32Array;
  /** Mean length of the responses as `step` was given them, in tokens. */
  "tokens/responses_len_mean": number;
  /** Standard deviation of the responses' lengths. */
  "tokens/responses_len_std": number;
  /** Length of each response. */
  "tokens/responses_dist": Float32Array;
  /** `ppo/mean_scores` under the name of TRL's `log_stats`. */
  "env/reward_mean": number;
  /** `ppo/std_scores` likewise. */
  "env/reward_std": number;
  /** Score of each response. */
  "env/reward_dist": Float32Array;
}

/** Statistics of one optimizer step's rollouts. Means are over their counted positions. */
export interface MinibatchStatistics {
  /** Clipped policy loss. */
  "ppo/loss/policy": number;
  /** Clipped value loss, its factor 0.5 included and `vfCoef` not. */
  "ppo/loss/value": number;
  /** `policy + vfCoef · value`. */
  "ppo/loss/total": number;
  /** Mean entropy of the policy's whole distribution, in nats. */
  "ppo/policy/entropy": number;
  /** Half the mean squared log ratio. */
  "ppo/policy/approxkl": number;
  /** Mean of `oldLogprob - logprob`. */
  "ppo/policy/policykl": number;
  /** Share of positions where the clipped policy loss is the larger one. */
  "ppo/policy/clipfrac": number;
  /** Mean of the whitened advantages: 0 up to rounding. */
  "ppo/policy/advantages_mean": number;
  /** Mean return. */
  "ppo/returns/mean": number;
  /** Variance of the returns. */
  "ppo/returns/var": number;
  /** Mean predicted value. */
  "ppo/val/vpred": number;
  /** Mean squared difference of predicted value and return. */
  "ppo/val/error": number;
  /** Share of positions where the clipped value loss is the larger one. */
  "ppo/val/clipfrac": number;
  /** Mean of the values before the step. */
  "ppo/val/mean": number;
  /** Variance of the values before the step. */
  "ppo/val/var": number;
}

/** Statistics of a PPO step, by TRL's names. `_std` and `var` are unbiased. */
export interface PPOStats extends BatchStatistics, MinibatchStatistics {
  /** The learning rate of the step. */
  "ppo/learning_rate": number;
  /** `1 - val/error / returns/var`. */
  "ppo/val/var_explained": number;
  /** Whitened advantages of every counted position, minibatch after minibatch as they were run. */
  "ppo/policy/advantages": Float32Array;
  /** `exp(logprob - oldLogprob)` in the same order. */
  "ppo/policy/ratio": Float32Array;
  /** Seconds of each phase of the step. */
  [time: `time/ppo/${string}`]: number;
}

/** Describes a batch of rollouts whose rewards were computed with `klCoef`. */
export function batchStatistics(rollouts: readonly Rollout[], klCoef: number): BatchStatistics {
  const sum = (values: ArrayLike<number>) => mean(values) * values.length;
  const kls = rollouts.map((rollout) => sum(rollout.kl));
  const scores = rollouts.map((rollout) => rollout.score);
  const queryLengths = rollouts.map((rollout) => rollout.query.length);
  const responseLengths = rollouts.map((rollout) => rollout.response.length);
  return {
    "objective/kl": mean(kls),
    "objective/kl_dist": Float32Array.from(kls),
    "objective/logprobs": rollouts.map((rollout) => rollout.logprobs),
    "objective/ref_logprobs": rollouts.map((rollout) => rollout.refLogprobs),
    "objective/kl_coef": klCoef,
    "objective/entropy": mean(rollouts.map((rollout) => -sum(rollout.logprobs))),
    "ppo/mean_non_score_reward": mean(rollouts.flatMap((rollout) => [...rollout.nonScoreRewards])),
    "ppo/mean_scores": mean(scores),
    "ppo/std_scores": standardDeviation(scores),
    "tokens/queries_len_mean": mean(queryLengths),
    "tokens/queries_len_std": standardDeviation(queryLengths),
    "tokens/queries_dist": Float32Array.from(queryLengths),
    "tokens/responses_len_mean": mean(responseLengths),
    "tokens/responses_len_std": standardDeviation(responseLengths),
    "tokens/responses_dist": Float32Array.from(responseLengths),
    "env/reward_mean": mean(scores),
    "env/reward_std": standardDeviation(scores),
    "env/reward_dist": Float32Array.from(scores),
  };
}

/** Averages each statistic over all optimizer steps of a PPO step, every one weighing the same. */
export function averageStatistics(
  minibatches: readonly MinibatchStatistics[],
): MinibatchStatistics {
  const names = Object.keys(minibatches[0]) as (keyof MinibatchStatistics)[];
  const averages = names.map((name) => [name, mean(minibatches.map((stats) => stats[name]))]);
  return Object.fromEntries(averages);
}
