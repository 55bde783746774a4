/** The rewards of one rollout's counted positions. */
export interface TokenRewards {
  /** `logprob - refLogprob`, the k1 estimate of the KL (http://joschu.net/blog/kl-approx.html). */
  kl: Float64Array;
  /** The KL penalty alone, `-klCoef · kl`. */
  nonScoreRewards: Float64Array;
  /** The KL penalty, with the score added at the last position. */
  rewards: Float64Array;
}

/**
 * KL-penalised rewards of one rollout: Ziegler et al. 2019, equation 2, token by token
 * (TRL's `PPOTrainer.compute_rewards`).
 *
 * @param logprobs of the rollout policy at the counted positions, in nats
 * @param refLogprobs of the reference policy at the same positions
 */
export function klPenalisedRewards(
  logprobs: ArrayLike<number>,
  refLogprobs: ArrayLike<number>,
  score: number,
  klCoef: number,
): TokenRewards {
  const kl = Float64Array.from(logprobs, (logprob, i) => logprob - refLogprobs[i]);
  const nonScoreRewards = kl.map((nats) => -klCoef * nats);
  const rewards = nonScoreRewards.slice();
  rewards[rewards.length - 1] += score;
  return { kl, nonScoreRewards, rewards };
}
