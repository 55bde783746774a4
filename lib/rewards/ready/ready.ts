import { UserError } from "../../errors.ts";
import type { NullableRewardFunction } from "../reward.ts";
import { ANSWER_COLUMNS, exactReward, numberReward } from "./answers.ts";
import { jsonReward } from "./json.ts";
import { judgeOf } from "./judge.ts";
import { formatReward, lengthReward, repetitionReward } from "./shape.ts";
import { profanityReward, sentimentReward } from "./word_lists.ts";

type Maker = (argument: string) => NullableRewardFunction | Promise<NullableRewardFunction>;

/** Rewards that need no script, by the name before the colon of a setting. */
const READY: Readonly<Record<string, Maker>> = {
  exact: (column) => exactReward(column || null),
  number: (column) => numberReward(column || null),
  format: formatReward,
  length: lengthReward,
  repetition: repetitionReward,
  profanity: withoutArgument("profanity", profanityReward),
  sentiment: withoutArgument("sentiment", sentimentReward),
  json: jsonReward,
  judge: judgeOf,
};

/** Names of the rewards that need no script. */
export const READY_REWARDS: readonly string[] = Object.keys(READY);

/** A setting, taken apart; null where it names no ready reward. */
export interface ReadyName {
  readonly name: string;
  readonly argument: string;
}

/** Tells whether a setting names a ready reward: `exact`, `exact:COLUMN`, `format:PATTERN`, … */
export function readyName(setting: string): ReadyName | null {
  const [, name, argument = ""] = /^([a-z]+)(?::(.*))?$/s.exec(setting) ?? [];
  return name !== undefined && Object.hasOwn(READY, name) ? { name, argument } : null;
}

/**
 * Makes the ready reward that a setting names.
 *
 * @throws {UserError} when its argument is of no use
 */
export async function readyReward({ name, argument }: ReadyName): Promise<NullableRewardFunction> {
  return await READY[name](argument);
}

/** Columns of which a ready reward takes the first that a dataset has; none where it reads no column. */
export function columnsOf({ name, argument }: ReadyName): readonly string[] {
  if (name !== "exact" && name !== "number") return [];
  return argument === "" ? ANSWER_COLUMNS : [argument];
}

/** File that a ready reward reads, such as a schema; null where it reads none. */
export function fileOf({ name, argument }: ReadyName): string | null {
  return name === "json" && argument !== "" ? argument : null;
}

function withoutArgument(name: string, make: () => Promise<NullableRewardFunction>): Maker {
  return (argument) => {
    if (argument === "") return make();
    throw new UserError(`the reward ${name} takes nothing after a colon: leave out :${argument}`);
  };
}
