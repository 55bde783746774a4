import type { NullableRewardFunction, RewardSample } from "../reward.ts";

/** Columns that hold a row's right answer, where none is named. */
export const ANSWER_COLUMNS: readonly string[] = ["answer", "solution", "completion", "summary"];

/**
 * A number as people write it: with a sign, separators of thousands, decimals and an exponent. A hyphen
 * behind a word, a number or a bracket is no sign: 7-8 ends with 8.
 */
const NUMBER =
  /(?:(?<![\w.)\]])[-+\u2212])?(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<![\w.])\.\d+)(?:e[-+]?\d+)?/gi;

/**
 * Reward 1 for a response that is the right answer, else 0; null for a row without one. White space
 * around it and in it does not matter.
 *
 * @param column column of the right answer; null for the first of answer, solution, completion and
 *   summary that a row has
 */
export function exactReward(column: string | null): NullableRewardFunction {
  return (samples) =>
    samples.map((sample) => {
      const answer = answerOf(sample, column);
      if (answer === null) return null;
      return Number(collapsed(sample.response) === collapsed(answer));
    });
}

/**
 * Reward 1 for a response whose last number is that of the right answer, else 0; null for a row
 * without one. "The sum is 1,042." and "1042" are the same.
 *
 * @param column column of the right answer, as for {@linkcode exactReward}
 */
export function numberReward(column: string | null): NullableRewardFunction {
  return (samples) =>
    samples.map((sample) => {
      const answer = answerOf(sample, column);
      const expected = answer === null ? null : lastNumber(answer);
      return expected === null ? null : Number(lastNumber(sample.response) === expected);
    });
}

/** The last number of a text; null for a text without one. */
export function lastNumber(text: string): number | null {
  const last = text.match(NUMBER)?.at(-1);
  return last === undefined ? null : Number(last.replaceAll(",", "").replace("\u2212", "-"));
}

function answerOf({ columns = {} }: RewardSample, column: string | null): string | null {
  const name = column ?? ANSWER_COLUMNS.find((name) => Object.hasOwn(columns, name));
  const value = name === undefined ? undefined : textOf(columns[name]);
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}

/** Text of a cell: in a conversation that of its last message. */
function textOf(value: unknown): unknown {
  return Array.isArray(value) ? Object(value.at(-1)).content : value;
}

function collapsed(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
