import type { RunAdvice } from "../run_kind.ts";

/** Steps in a row without anything to learn from after which a run says so. */
const STEPS = 10;

/**
 * Advice on a run whose groups have no spread: the responses to a prompt all get the same reward, so
 * their advantages are 0.
 */
export const GROUP_ADVICE: RunAdvice = {
  steps: STEPS,
  of(rows) {
    if (!rows.every(({ frac_reward_zero_std: share }) => share === 1)) return null;
    const rewards = rows.map(({ reward }) => reward).filter((reward) => typeof reward === "number");
    const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
    return `for ${rows.length} steps the responses to each prompt have had equal rewards ` +
      `(frac_reward_zero_std 1, mean reward ${mean.toFixed(3)}): nothing is learnt from them. ` +
      "Unless that is as high as the reward gets, take one that tells responses apart, prompts that " +
      "are neither too hard nor too easy, a higher `temperature` or a larger `numGenerations`";
  },
};
