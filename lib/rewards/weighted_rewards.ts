import { UserError } from "../errors.ts";
import {
  callNullableReward,
  callReward,
  type NullableRewardFunction,
  type RewardSample,
} from "./reward.ts";

/** One of several rewards. */
export interface WeightedReward {
  /** Name in logs and messages. */
  name: string;
  /** Function that scores samples. */
  reward: NullableRewardFunction;
  /** Factor of its scores in the total. */
  weight: number;
}

/** Scores of samples before weighting, by the reward's name; null where one does not apply. */
export type RewardScores = Record<string, (number | null)[]>;

/** Scores of a batch of samples. */
export interface WeightedScores {
  /** Σ weight · score of each sample, on which the policy is trained. */
  totals: number[];
  /** Scores of each reward before weighting, by its name. */
  parts: Record<string, number[]>;
}

/**
 * Several rewards as one: the weighted sum of their scores, with each one's own kept for the log.
 */
export class WeightedRewards {
  /** Rewards, in the order in which they are computed. */
  readonly rewards: readonly WeightedReward[];

  /**
   * Combines rewards.
   *
   * @throws {UserError} when there is none, names repeat or are numbers, or a weight is not a finite
   *   number
   */
  constructor(rewards: readonly WeightedReward[]) {
    if (rewards.length === 0) throw new UserError("no reward was given; name at least one");
    const names = new Set<string>();
    for (const { name, weight } of rewards) {
      if (names.has(name)) {
        throw new UserError(`two rewards are called ${name}; their names must differ`);
      }
      if (/^\d+$/.test(name)) {
        throw new UserError(
          `a reward is called ${name}: give it a name with a letter, since objects put keys that are ` +
            "numbers first",
        );
      }
      names.add(name);
      if (!Number.isFinite(weight)) {
        throw new UserError(`the weight of the reward ${name} is ${weight}; give a finite number`);
      }
    }
    this.rewards = rewards;
  }

  /**
   * Scores samples with every reward, one reward after the other.
   *
   * @param known scores of some rewards, by their names, which are not computed again
   * @throws {UserError} when a reward misbehaves (see `callReward`)
   */
  async score(samples: RewardSample[], known: RewardScores = {}): Promise<WeightedScores> {
    const totals: number[] = new Array(samples.length).fill(0);
    const parts: Record<string, number[]> = {};
    for (const { name, reward, weight } of this.rewards) {
      const scores = await callReward(name, known[name] ? () => known[name] : reward, samples);
      parts[name] = scores;
      scores.forEach((score, i) => totals[i] += weight * score);
    }
    return { totals, parts };
  }

  /**
   * Scores samples with every reward; null where one does not apply to a sample.
   *
   * @param known scores of some rewards, by their names, which are not computed again
   * @returns scores of each reward before weighting, by its name
   * @throws {UserError} when a reward misbehaves (see `callNullableReward`)
   */
  async columns(samples: RewardSample[], known: RewardScores = {}): Promise<RewardScores> {
    const columns: RewardScores = {};
    for (const { name, reward } of this.rewards) {
      columns[name] = known[name] ?? await callNullableReward(name, reward, samples);
    }
    return columns;
  }
}
