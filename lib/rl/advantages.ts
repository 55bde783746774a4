import { mean, variance } from "../training/moments.ts";

/** Advantages and returns at each position of one rollout. */
export interface Advantages {
  /** Return of each token beyond its value. */
  advantages: Float64Array;
  /** `advantages + values`, the target of the value head. */
  returns: Float64Array;
}

/**
 * Generalised advantage estimation of one rollout: Schulman et al. 2015
 * (https://arxiv.org/abs/1506.02438), equation 16. With `delta[i] = r[i] + γ·V[i+1] - V[i]`,
 * `A[i] = delta[i] + γλ·A[i+1]`; after the last position both V and A are 0.
 */
export function generalisedAdvantages(
  rewards: ArrayLike<number>,
  values: ArrayLike<number>,
  gamma: number,
  lam: number,
): Advantages {
  const advantages = new Float64Array(rewards.length);
  const returns = new Float64Array(rewards.length);
  let nextValue = 0;
  let nextAdvantage = 0;
  for (let i = rewards.length - 1; i >= 0; i--) {
    const delta = rewards[i] + gamma * nextValue - values[i];
    nextAdvantage = delta + gamma * lam * nextAdvantage;
    nextValue = values[i];
    advantages[i] = nextAdvantage;
    returns[i] = nextAdvantage + nextValue;
  }
  return { advantages, returns };
}

/**
 * Shifts and scales to mean 0 and variance 1 (with Bessel's correction), as TRL's `masked_whiten`
 * does with what its mask leaves: `(x - mean) · rsqrt(var + 1e-8)`.
 */
export function whiten(values: ArrayLike<number>): Float64Array {
  const center = mean(values);
  const scale = 1 / Math.sqrt(variance(values) + 1e-8);
  return Float64Array.from(values, (value) => (value - center) * scale);
}
