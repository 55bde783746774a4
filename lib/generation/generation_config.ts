import { UserError } from "../errors.ts";
import { checkTokens, type LanguageModel } from "../models/language_model.ts";

/** Settings of generating, in the words of transformers' `generate`. */
export interface GenerationConfig {
  /** Maximum number of tokens of a response: one number, or one for each response. */
  maxNewTokens: number | readonly number[];
  /** Number of responses to each prompt; each is drawn as a separate row. Default 1. */
  numReturnSequences?: number;
  /** No end token can come while start token and response together are shorter. Default 0. */
  minLength?: number;
  /** No end token can come while the response is shorter. Default 0. */
  minNewTokens?: number;
  /**
   * Divisor of the positive logits of tokens that came before, and factor of the negative ones: in
   * the response, and for a decoder-only model in the prompt. Default 1: no penalty.
   */
  repetitionPenalty?: number;
  /**
   * Texts that end a response, which keeps the token that completes one. They need a `tokenizer`.
   * Default none.
   */
  stopStrings?: readonly string[];
  /** Draws from the distribution instead of taking the most likely token. Default false. */
  doSample?: boolean;
  /** Divisor of the logits. Default 1. */
  temperature?: number;
  /** Number of most likely tokens to draw from; 0, the default, for all. */
  topK?: number;
  /**
   * Draws from the most likely tokens that together have this probability. Default 1: from all.
   */
  topP?: number;
  /** Draws from the tokens that are at least as likely as this share of the likeliest. Default 0: from all. */
  minP?: number;
  /** Seed; with a rollout's number and a position it decides each draw. Default 0. */
  seed?: number;
  /**
   * Number of the first response's rollout; the others count on from it. Or the number of each
   * response's. Default 0.
   */
  firstRollout?: number | readonly number[];
}

/**
 * Checks prompts and settings before anything is generated.
 *
 * @returns maximum number of tokens of each response
 * @throws {UserError} when a setting or a prompt is impossible
 */
export function checkGeneration(
  model: Pick<LanguageModel, "vocabSize" | "maxPositions">,
  prompts: readonly (readonly number[])[],
  config: GenerationConfig,
): number[] {
  const { maxNewTokens, temperature = 1, topK = 0, topP = 1, minP = 0 } = config;
  const { numReturnSequences: repeats = 1, repetitionPenalty: penalty = 1 } = config;
  const check = (name: string, value: number, fits: boolean, allowed: string) => {
    if (!fits) throw new UserError(`\`${name}\` is ${value}: it must be ${allowed}`);
  };
  const isCount = (value: number) => Number.isInteger(value) && value >= 1;
  check("numReturnSequences", repeats, isCount(repeats), "a whole number from 1");
  const responses = prompts.length * repeats;
  const limits = typeof maxNewTokens === "number"
    ? new Array<number>(responses).fill(maxNewTokens)
    : [...maxNewTokens];
  if (limits.length !== responses) {
    throw new UserError(
      `\`maxNewTokens\` has ${limits.length} entries for ${responses} responses: give one number, or one for each`,
    );
  }
  for (const limit of limits) {
    check("maxNewTokens", limit, isCount(limit), "a whole number from 1");
  }
  for (const name of ["minLength", "minNewTokens"] as const) {
    const minimum = config[name] ?? 0;
    check(name, minimum, Number.isInteger(minimum) && minimum >= 0, "a whole number from 0");
  }
  const { firstRollout: rollouts = 0 } = config;
  if (typeof rollouts !== "number" && rollouts.length !== responses) {
    throw new UserError(
      `\`firstRollout\` has ${rollouts.length} entries for ${responses} responses: give one number, or one for each`,
    );
  }
  check("repetitionPenalty", penalty, penalty > 0 && penalty < Infinity, "positive (1 for none)");
  check("temperature", temperature, temperature > 0 && temperature < Infinity, "positive");
  check("topK", topK, Number.isInteger(topK) && topK >= 0, "a whole number from 0 (off)");
  check("minP", minP, minP >= 0 && minP <= 1, "from 0 (off) to 1");
  check("topP", topP, topP > 0 && topP <= 1, "above 0 and at most 1 (off)");
  if (config.stopStrings?.includes("")) {
    throw new UserError("`stopStrings` has an empty text: every response would end at once");
  }
  prompts.forEach((prompt, row) => {
    if (prompt.length === 0) throw new UserError(`prompt ${row} has no tokens`);
    checkTokens(model, prompt, `prompt ${row}`);
    const longest = Math.max(...limits.slice(row * repeats, (row + 1) * repeats));
    // A response's last token is not read.
    if (model.maxPositions !== null && prompt.length + longest - 1 > model.maxPositions) {
      throw new UserError(
        `prompt ${row} has ${prompt.length} tokens, with a response of ${longest} (\`maxNewTokens\`) ` +
          `more than the model's ${model.maxPositions} positions: shorten one of them`,
      );
    }
  });
  return limits;
}

/** The prompt of each response: each prompt `numReturnSequences` times, adjacent. */
export function promptOfEachResponse<Prompt>(
  prompts: readonly Prompt[],
  { numReturnSequences = 1 }: Pick<GenerationConfig, "numReturnSequences">,
): readonly Prompt[] {
  if (numReturnSequences === 1) return prompts;
  return prompts.flatMap((prompt) => new Array<Prompt>(numReturnSequences).fill(prompt));
}

/** Number of a response's rollout, which decides its draws together with the seed. */
export function rolloutOf(
  { firstRollout = 0 }: Pick<GenerationConfig, "firstRollout">,
  response: number,
): number {
  return typeof firstRollout === "number" ? firstRollout + response : firstRollout[response];
}
