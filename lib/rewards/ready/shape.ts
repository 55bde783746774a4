import { UserError } from "../../errors.ts";
import type { RewardFunction } from "../reward.ts";

/**
 * Reward 1 for a response that a regular expression matches as a whole or in part, else 0; `^` and
 * `$` are the ends of the response, and `.` matches line breaks as well.
 *
 * @throws {UserError} when it is no regular expression
 */
export function formatReward(pattern: string): RewardFunction {
  let regex: RegExp;
  try {
    regex = new RegExp(pattern, "su");
  } catch (error) {
    throw new UserError(
      `the reward format:${pattern} has no valid regular expression: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return (samples) => samples.map(({ response }) => Number(regex.test(response)));
}

/**
 * Reward 1 for a response of at most `limit` characters; a longer one has the limit's share of its
 * length.
 *
 * @throws {UserError} when the limit is no whole number from 1
 */
export function lengthReward(limit: string): RewardFunction {
  const most = Number(limit);
  if (!Number.isInteger(most) || most < 1) {
    throw new UserError(
      `the reward length:${limit} needs a maximum number of characters, such as length:200`,
    );
  }
  return (samples) => samples.map(({ response }) => Math.min(1, most / response.length));
}

/**
 * Penalty of repetitions: minus the share of a response's word n-grams that came before, between -1
 * and 0 (Yeo et al. 2025, "Demystifying Long Chain-of-Thought", https://arxiv.org/abs/2502.03373).
 *
 * @param size words of an n-gram; empty for 3
 * @throws {UserError} when it is no whole number from 1
 */
export function repetitionReward(size: string): RewardFunction {
  const words = size === "" ? 3 : Number(size);
  if (!Number.isInteger(words) || words < 1) {
    throw new UserError(
      `the reward repetition:${size} needs a number of words, such as repetition:3`,
    );
  }
  return (samples) =>
    samples.map(({ response }) => {
      const all = response.toLowerCase().split(/\s+/).filter((word) => word !== "");
      const count = all.length - words + 1;
      if (count < 1) return 0;
      const ngrams = Array.from({ length: count }, (_, i) => all.slice(i, i + words).join(" "));
      return new Set(ngrams).size / count - 1;
    });
}
