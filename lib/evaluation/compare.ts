import { callReward, type RewardFunction, type RewardSample } from "../rewards/reward.ts";
import {
  type BatchingOptions,
  generateInBatches,
  type Prompt,
  type TextGenerator,
} from "./text_generator.ts";

/** One prompt answered before and after training. */
export interface ComparisonRow {
  /** Prompt. */
  query: string;
  /** The policy's answer before training. */
  responseBefore: string;
  /** The policy's answer after training. */
  responseAfter: string;
  /** Score of the answer before. */
  rewardBefore: number;
  /** Score of the answer after. */
  rewardAfter: number;
  /** `rewardAfter - rewardBefore`. */
  difference: number;
}

/** Options of {@linkcode compareResponses}. */
export interface CompareOptions {
  /** Dataset's row of each query, by column, for rewards that read it. */
  columns?: readonly RewardSample["columns"][];
}

/**
 * Scores two sets of responses to the same queries.
 *
 * @returns a row per query, the largest gain first; equal ones keep the queries' order
 * @throws {UserError} when the reward misbehaves (see `callReward`)
 */
export async function compareResponses(
  queries: readonly string[],
  before: readonly string[],
  after: readonly string[],
  reward: RewardFunction,
  { columns }: CompareOptions = {},
): Promise<ComparisonRow[]> {
  const score = (responses: readonly string[]) =>
    callReward(
      "of the comparison",
      reward,
      queries.map((query, i) => ({ query, response: responses[i], columns: columns?.[i] })),
    );
  const rewardsBefore = await score(before);
  const rewardsAfter = await score(after);
  const rows = queries.map((query, i): ComparisonRow => ({
    query,
    responseBefore: before[i],
    responseAfter: after[i],
    rewardBefore: rewardsBefore[i],
    rewardAfter: rewardsAfter[i],
    difference: rewardsAfter[i] - rewardsBefore[i],
  }));
  return rows.sort((a, b) => b.difference - a.difference);
}

/**
 * Computes how often the response after training has the higher reward.
 *
 * @returns the share of the rows, ties counted half; one half of none
 */
export function winRate(rows: readonly Pick<ComparisonRow, "difference">[]): number {
  if (rows.length === 0) return 0.5;
  const wins = rows.reduce((sum, { difference }) => sum + (Math.sign(difference) + 1) / 2, 0);
  return wins / rows.length;
}

/**
 * Lets two policies answer the same prompts and compares the responses by their reward.
 *
 * @returns the rows of `compareResponses`
 */
export async function comparePolicies(
  before: TextGenerator,
  after: TextGenerator,
  prompts: readonly Prompt[],
  reward: RewardFunction,
  options: BatchingOptions = {},
): Promise<ComparisonRow[]> {
  const responsesBefore = await generateInBatches(before, prompts, options);
  const responsesAfter = await generateInBatches(after, prompts, options);
  const queries = prompts.map(({ query }) => query);
  const columns = prompts.map((prompt) => prompt.columns);
  return await compareResponses(queries, responsesBefore, responsesAfter, reward, { columns });
}
