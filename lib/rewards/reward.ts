import { assetUrl } from "../../assets.ts";
import { counted } from "../counted.ts";
import { UserError } from "../errors.ts";

/** Prompt and response of a rollout, as text. */
export interface RewardSample {
  /** Prompt. */
  query: string;
  /** Response of the policy. */
  response: string;
  /** Dataset's row of the prompt, by column; absent for a prompt that is in no dataset. */
  columns?: Readonly<Record<string, unknown>>;
}

/** Scores rollouts: one finite number per sample, in order; higher is better. */
export type RewardFunction = (samples: RewardSample[]) => number[] | Promise<number[]>;

/**
 * Reward of algorithms on groups, such as GRPO: null is for a sample that it does not apply to, or
 * could not judge.
 */
export type NullableRewardFunction = (
  samples: RewardSample[],
) => (number | null)[] | Promise<(number | null)[]>;

/**
 * Calls a reward function and checks what it returned, so that a faulty one stops the run before
 * it reaches the policy. The function gets a copy of the samples, which it may change.
 *
 * @param name name of the reward, for messages
 * @returns one score per sample
 * @throws {UserError} when the function throws, returns another count, or a value that is not a
 *   finite number (the message names the reward, the sample's index and the value)
 */
export async function callReward(
  name: string,
  reward: NullableRewardFunction,
  samples: RewardSample[],
): Promise<number[]> {
  const scores = await checkedScores(name, reward, samples, "a finite number");
  const at = scores.indexOf(null);
  if (at < 0) return scores as number[];
  throw new UserError(
    `the reward ${name} returned null for sample ${at} (response ` +
      `${
        excerpt(samples[at].response)
      }); every score must be a finite number: only algorithms on ` +
      "groups leave a sample out that a reward does not apply to",
  );
}

/**
 * As {@linkcode callReward}, for algorithms that take null for a sample that the reward does not
 * apply to.
 *
 * @throws {UserError} when the function throws, returns another count, or a value that is neither a
 *   finite number nor null
 */
export function callNullableReward(
  name: string,
  reward: NullableRewardFunction,
  samples: RewardSample[],
): Promise<(number | null)[]> {
  return checkedScores(name, reward, samples, "a finite number, or null for no reward");
}

async function checkedScores(
  name: string,
  reward: NullableRewardFunction,
  samples: RewardSample[],
  expected: string,
): Promise<(number | null)[]> {
  const count = counted(samples.length, "sample");
  let scores: unknown;
  try {
    scores = await reward(structuredClone(samples));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `the reward ${name} threw on a batch of ${count}: ${scriptReason(error)}`,
      { cause: error },
    );
  }
  if (!Array.isArray(scores)) {
    throw new UserError(
      `the reward ${name} returned ${describe(scores)}; it must return an array of ` +
        `${counted(samples.length, "number")}, one per sample`,
    );
  }
  if (scores.length !== samples.length) {
    throw new UserError(
      `the reward ${name} returned ${counted(scores.length, "score")} for ${count}; it ` +
        `must return one number per sample, in order`,
    );
  }
  // A copy, because the function may keep its array; with undefined for the holes of a sparse one.
  const checked: unknown[] = Array.from(scores);
  for (const [i, score] of checked.entries()) {
    if (score !== null && !Number.isFinite(score)) {
      throw new UserError(
        `the reward ${name} returned ${describe(score)} for sample ${i} (response ` +
          `${excerpt(samples[i].response)}); every score must be ${expected}`,
      );
    }
  }
  return checked as (number | null)[];
}

/** Addresses of Temper's own modules, in a checkout and bundled: they say nothing to a script's author. */
const OWN_MODULES = ["lib/", "cli."].map((path) => assetUrl(path).href);

/** Describes an error of foreign code in one line. */
export function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0].replace(/\.$/, "");
}

/** Describes an error of a user's script in one line, with the file and the line where it happened. */
export function scriptReason(error: unknown): string {
  const { message = "", stack = "" } = error instanceof Error ? error : {};
  // Deno colours places in what it says of imports, and has those of syntax errors in the message.
  // deno-lint-ignore no-control-regex
  const text = `${message}\n${stack}`.replaceAll(/\x1b\[[\d;]*m/g, "");
  const places = text.matchAll(/(file:\/\/[^\s()]+?):(\d+):\d+/g);
  const place = places.find(([, url]) => !OWN_MODULES.some((own) => url.startsWith(own)));
  if (!place) return reason(error);
  return `${reason(error)} (${decodeURIComponent(new URL(place[1]).pathname)}:${place[2]})`;
}

function describe(value: unknown): string {
  if (typeof value === "string") return `the string ${excerpt(value)}`;
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}
