import { mean, standardDeviation } from "../training/moments.ts";

/** Scale of the advantages: the std within a group, that of the whole batch, or none. */
export type ScaleRewards = "group" | "batch" | "none";

/** Term added to the std, as in TRL. */
const EPSILON = 1e-4;

/** Largest std of rewards that count as equal, as in TRL: the mean of equal rewards may be rounded. */
const EQUAL_STD = 1e-8;

/** Advantages of a batch of rollouts in groups. */
export interface GroupAdvantages {
  /** Advantage of each rollout. */
  readonly advantages: Float64Array;
  /** Mean reward of each group. */
  readonly means: Float64Array;
  /** Std of each group's rewards, with Bessel's correction. */
  readonly stds: Float64Array;
}

/**
 * Advantages relative to the group, the responses to one prompt: the reward minus the group's mean,
 * divided by a std (Shao et al. 2024, "DeepSeekMath", https://arxiv.org/abs/2402.03300, as in TRL's
 * GRPOTrainer).
 *
 * @param rewards reward of each rollout; NaN for one that is in no group
 * @param groups rollouts of each group
 */
export function groupAdvantages(
  rewards: readonly number[],
  groups: readonly (readonly number[])[],
  scaleRewards: ScaleRewards,
): GroupAdvantages {
  const advantages = new Float64Array(rewards.length);
  const rewardsOf = (group: readonly number[]) => group.map((row) => rewards[row]);
  const means = Float64Array.from(groups, (group) => mean(rewardsOf(group)));
  const stds = Float64Array.from(groups, (group) => standardDeviation(rewardsOf(group)));
  const ofBatch = standardDeviation(rewards.filter((reward) => !Number.isNaN(reward)));
  groups.forEach((group, g) => {
    const std = scaleRewards === "batch" ? ofBatch : stds[g];
    for (const row of group) {
      const difference = rewards[row] - means[g];
      advantages[row] = scaleRewards === "none" ? difference : difference / (std + EPSILON);
    }
  });
  return { advantages, means, stds };
}

/**
 * Leave-one-out advantages: the reward minus the mean of the other rewards of its group (Ahmadian et
 * al. 2024, "Back to Basics", https://arxiv.org/abs/2402.14740).
 *
 * @param rewards reward of each rollout
 * @param groups rollouts of each group, at least two
 */
export function leaveOneOutAdvantages(
  rewards: readonly number[],
  groups: readonly (readonly number[])[],
): Float64Array {
  const advantages = new Float64Array(rewards.length);
  for (const group of groups) {
    const sum = group.reduce((sum, row) => sum + rewards[row], 0);
    for (const row of group) {
      advantages[row] = rewards[row] - (sum - rewards[row]) / (group.length - 1);
    }
  }
  return advantages;
}

/** Tells a group whose rewards are all equal by their std. */
export function isWithoutSpread(std: number): boolean {
  return std <= EQUAL_STD;
}
