import { counted } from "../counted.ts";
import { UserError } from "../errors.ts";
import { standardDeviation } from "../training/moments.ts";

/** Rewards of a batch by name; null where a reward has nothing to say about a response. */
export type RewardColumns = Readonly<Record<string, readonly (number | null)[]>>;

/** Rewards of a batch, put together. */
export interface WeightedReward {
  /** Weighted sum of each response's rewards; NaN where all of them are null. */
  readonly rewards: number[];
  /** Mean and std of each reward over the responses that it is not null for, by TRL's names. */
  readonly metrics: Record<string, number>;
}

/**
 * Adds rewards up, as TRL's GRPOTrainer does: null counts as 0 beside others. A response with no
 * reward at all is no rollout of reward 0: it is left out of the step.
 *
 * @param weights weight of each reward; null for 1
 * @throws {UserError} when a reward is missing, not finite, or there is not one weight for each, in an
 *   order that is certain
 */
export function weightRewards(
  columns: RewardColumns,
  count: number,
  weights: readonly number[] | null,
): WeightedReward {
  const named = Object.entries(columns);
  if (named.length === 0) throw new UserError("a step was given no rewards; give at least one");
  if (weights && weights.length !== named.length) {
    throw new UserError(
      `\`rewardWeights\` has ${counted(weights.length, "weight")} for ${
        counted(named.length, "reward")
      }; give one for each`,
    );
  }
  const number = named.find(([name]) => /^\d+$/.test(name))?.[0];
  if (weights && number !== undefined) {
    throw new UserError(
      `the reward "${number}" has a number for a name, which objects put first, and \`rewardWeights\` ` +
        "go by place: give it a name with a letter",
    );
  }
  const rewards = new Array<number>(count).fill(NaN);
  const metrics: Record<string, number> = {};
  named.forEach(([name, values], i) => {
    if (values.length !== count) {
      throw new UserError(
        `the reward "${name}" has ${counted(values.length, "value")} for ${
          counted(count, "response")
        }; ` +
          "it must have one for each",
      );
    }
    const given: number[] = [];
    values.forEach((value, row) => {
      if (value === null) return;
      if (!Number.isFinite(value)) {
        throw new UserError(
          `the reward "${name}" of response ${row} is ${value}; a reward must be a finite number, or null`,
        );
      }
      given.push(value);
      const sum = Number.isNaN(rewards[row]) ? 0 : rewards[row];
      rewards[row] = sum + (weights?.[i] ?? 1) * value;
    });
    if (given.length === 0) return;
    metrics[`rewards/${name}/mean`] = given.reduce((sum, value) => sum + value, 0) / given.length;
    metrics[`rewards/${name}/std`] = standardDeviation(given);
  });
  return { rewards, metrics };
}
