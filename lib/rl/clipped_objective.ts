/** Value and slope of one term of a policy loss. */
export interface Term {
  /** Value. */
  readonly loss: number;
  /** Derivative by the logarithm of the ratio. */
  readonly slope: number;
}

/** Bounds of the ratio of two policies' probabilities. */
export interface RatioBounds {
  /** Lower bound of the clipped ratio: 1 - epsilon. */
  readonly low: number;
  /** Upper bound of the clipped ratio: 1 + epsilon. */
  readonly high: number;
  /** Upper bound of the ratio that is not clipped (INTELLECT-2, two-sided clipping); null for none. */
  readonly delta: number | null;
}

/**
 * -min(min(r, delta) · A, clip(r, low, high) · A), the clipped objective of PPO (Schulman et al.
 * 2017, https://arxiv.org/abs/1707.06347). Where both sides are equal each gets half of the slope,
 * and a clamp passes it at its bounds, as in torch.
 *
 * @param ratio probability under the policy divided by that under the one that generated
 */
export function clippedObjective(
  ratio: number,
  advantage: number,
  { low, high, delta }: RatioBounds,
): Term {
  const free = delta === null ? ratio : Math.min(ratio, delta);
  const clipped = Math.min(Math.max(ratio, low), high);
  const [a, b] = [free * advantage, clipped * advantage];
  const share = a < b ? 1 : a === b ? 0.5 : 0;
  const freeSlope = delta === null || ratio <= delta ? ratio : 0;
  const clippedSlope = ratio >= low && ratio <= high ? ratio : 0;
  return {
    loss: -Math.min(a, b),
    slope: -advantage * (share * freeSlope + (1 - share) * clippedSlope),
  };
}
