import { UserError } from "../../errors.ts";
import { allowedVariable } from "../../platform/environment.ts";
import { type NullableRewardFunction, reason, type RewardSample } from "../reward.ts";

/** Instructions of the judge, which answers with a number. */
const RUBRIC = "Rate how well the response answers the prompt, from 0 (useless) to 10 (perfect).";

/** Cause of each status that stays the same however often a request is repeated. */
const REFUSALS: Readonly<Record<number, string>> = {
  401: "the key in OPENAI_API_KEY",
  403: "the key in OPENAI_API_KEY",
  404: "the address and the model's name",
};

/** Options of {@linkcode judgeReward}. */
export interface JudgeOptions {
  /** Name of the model that judges. */
  model: string;
  /** Question that the judge answers with a number from 0 to 10. Default: how well it answers. */
  rubric?: string;
  /** Key of the service. Default: the environment variable OPENAI_API_KEY, or none. */
  apiKey?: string | null;
  /** Seconds that an answer may take. Default 60. */
  timeout?: number;
  /** Times that a request is repeated when it fails. Default 2. */
  retries?: number;
  /** Requests at once. Default 4. */
  concurrency?: number;
}

/**
 * Makes a reward of a language model that judges responses, behind an address that speaks OpenAI's
 * protocol (`/chat/completions`): its rating divided by 10. Null where the judge does not answer, or
 * not with one number: a failure is no rating. The reward throws when a whole batch gets no answer, or the
 * service refuses the key, the address or the model.
 *
 * @param address base address of the service, such as http://localhost:8080/v1
 */
export function judgeReward(address: string, options: JudgeOptions): NullableRewardFunction {
  const { concurrency = 4 } = options;
  return async (samples) => {
    const scores = new Array<number | null>(samples.length).fill(null);
    const failures: unknown[] = [];
    let next = 0;
    const worker = async () => {
      while (next < samples.length) {
        const i = next++;
        try {
          scores[i] = await judge(address, options, samples[i]);
        } catch (error) {
          failures.push(error);
          if (error instanceof UserError) next = samples.length;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(concurrency, samples.length) }, worker));
    const refusal = failures.find((error) => error instanceof UserError);
    if (refusal) throw refusal;
    if (failures.length > 0 && failures.length === samples.length) {
      throw new UserError(`the judge at ${address} does not answer: ${reason(failures[0])}`, {
        cause: failures[0],
      });
    }
    return scores;
  };
}

/**
 * Reads the judge that a setting names: `https://host/v1?model=NAME`, perhaps with `&rubric=TEXT`.
 *
 * @throws {UserError} when it is no such address
 */
export function judgeOf(setting: string): NullableRewardFunction {
  const url = URL.parse(setting);
  const model = url?.searchParams.get("model");
  if (!url || !/^https?:$/.test(url.protocol) || !model) {
    throw new UserError(
      `the reward judge:${setting} needs the address of a service and a model, such as ` +
        "judge:http://localhost:8080/v1?model=NAME",
    );
  }
  const rubric = url.searchParams.get("rubric") ?? undefined;
  url.search = "";
  return judgeReward(url.href.replace(/\/$/, ""), { model, rubric });
}

/** Rating of one response, with retries. @throws when all of them fail */
async function judge(
  address: string,
  options: JudgeOptions,
  sample: RewardSample,
): Promise<number | null> {
  const { retries = 2 } = options;
  for (let attempt = 0;; attempt++) {
    if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 250 * 2 ** attempt));
    try {
      return await ask(address, options, sample);
    } catch (error) {
      // Without permission, or refused, every request fails, however often it is repeated.
      const isFinal = error instanceof UserError || (error as Error).name === "NotCapable";
      if (attempt === retries || isFinal) throw error;
    }
  }
}

/**
 * Asks once: a rating, null for an answer without one.
 *
 * @throws {UserError} when the service refuses the key, the address or the model
 * @throws when there is no answer
 */
async function ask(
  address: string,
  { model, rubric = RUBRIC, apiKey, timeout = 60 }: JudgeOptions,
  { query, response }: RewardSample,
): Promise<number | null> {
  const key = apiKey === undefined ? allowedVariable("OPENAI_API_KEY") : apiKey;
  const reply = await fetch(`${address}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(key ? { authorization: `Bearer ${key}` } : {}),
    },
    body: JSON.stringify({
      model,
      temperature: 0,
      messages: [
        { role: "system", content: `${rubric} Answer with the number alone.` },
        { role: "user", content: `Prompt:\n${query}\n\nResponse:\n${response}` },
      ],
    }),
    signal: AbortSignal.timeout(1000 * timeout),
  });
  const body = await reply.text();
  const refused = REFUSALS[reply.status];
  if (refused) {
    throw new UserError(
      `the judge ${model} at ${address} refuses requests with status ${reply.status}: check ${refused}`,
    );
  }
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  const content = JSON.parse(body).choices?.[0]?.message?.content;
  const rating = ratingIn(String(content));
  return rating === null ? null : rating / 10;
}

/**
 * Finds the rating in a judge's answer: its one number, "7" as well as "Rating: 7/10", after whatever
 * the judge has thought aloud. An answer with several numbers, such as "from 0 to 10, I give 7", may
 * mean any of them.
 *
 * @returns the rating, from 0 to 10; null where there is none, or it is not certain
 */
export function ratingIn(answer: string): number | null {
  const said = answer.split("</think>").at(-1)!;
  const ofTen = [...said.matchAll(/(-?\d+(?:\.\d+)?)[\s*]*(?:\/|out of)[\s*]*10\b(?!\.\d)/g)];
  const numbers = ofTen.length > 0
    ? ofTen.map(([, number]) => number)
    : said.match(/-?\d+(?:\.\d+)?/g) ?? [];
  const [rating = NaN, ...others] = new Set(numbers.map(Number));
  return others.length === 0 && rating >= 0 && rating <= 10 ? rating : null;
}
