import type { NullableRewardFunction, RewardSample } from "./reward.ts";

/**
 * Reward function of TRL's form: one finite number per prompt, in order; higher is better. In
 * algorithms on groups, null is for a response that it does not apply to.
 *
 * TRL (`GRPOTrainer`, `reward_funcs`) passes `prompts`, `completions` and the dataset's columns by
 * name; here they are the first, the second and the third argument.
 *
 * @param prompts texts of the prompts
 * @param completions responses of the policy to them
 * @param columns the dataset's columns, each with one value per prompt; null where a row has none
 */
export type TRLRewardFunction = (
  prompts: string[],
  completions: string[],
  columns: Record<string, unknown[]>,
) => (number | null)[] | Promise<(number | null)[]>;

/** Makes a reward function of one of TRL's form. */
export function trlReward(reward: TRLRewardFunction): NullableRewardFunction {
  return (samples) =>
    reward(
      samples.map(({ query }) => query),
      samples.map(({ response }) => response),
      columnsOf(samples),
    );
}

function columnsOf(samples: readonly RewardSample[]): Record<string, unknown[]> {
  const names = new Set(samples.flatMap(({ columns }) => Object.keys(columns ?? {})));
  return Object.fromEntries(
    [...names].map((name) => [name, samples.map(({ columns }) => columns?.[name] ?? null)]),
  );
}
