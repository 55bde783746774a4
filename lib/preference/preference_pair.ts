import { UserError } from "../errors.ts";
import { checkTokens, type LanguageModel } from "../models/language_model.ts";
import { responseRow, type TokenRow } from "../training/token_rows.ts";

/** A prompt with a better and a worse answer, as tokens. */
export interface PreferencePair {
  /** Tokens of the prompt. */
  readonly prompt: readonly number[];
  /** Tokens of the better answer, with the end token. */
  readonly chosen: readonly number[];
  /** Tokens of the worse answer, with the end token. */
  readonly rejected: readonly number[];
}

/** Limits of a sequence, as in TRL's DPOConfig; null for none. */
export interface TruncationOptions {
  /** Maximum number of tokens of prompt and answer together, for decoder-only models. */
  readonly maxLength: number | null;
  /** Maximum number of tokens of a prompt, which keeps its end. */
  readonly maxPromptLength: number | null;
  /** Maximum number of tokens of an answer, which keeps its start. */
  readonly maxCompletionLength: number | null;
  /** Part of prompt and answer that is kept beyond `maxLength`. */
  readonly truncationMode: "keep_start" | "keep_end";
}

/** A prompt and an answer after truncation. */
export interface TruncatedAnswer {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/**
 * Truncates a prompt and an answer as TRL's DPOTrainer does. Where nothing of the prompt is left, the
 * answer's first token is read instead of predicted.
 */
export function truncateAnswer(
  prompt: readonly number[],
  answer: readonly number[],
  { maxLength, maxPromptLength, maxCompletionLength, truncationMode }: TruncationOptions,
): TruncatedAnswer {
  if (maxPromptLength !== null && prompt.length > maxPromptLength) {
    prompt = prompt.slice(-maxPromptLength);
  }
  if (maxCompletionLength !== null) answer = answer.slice(0, maxCompletionLength);
  const excess = prompt.length + answer.length - (maxLength ?? Infinity);
  if (excess <= 0) return { prompt, answer };
  if (truncationMode === "keep_start") {
    const kept = Math.max(0, answer.length - excess);
    return { prompt: prompt.slice(0, maxLength!), answer: answer.slice(0, kept) };
  }
  if (excess < prompt.length) return { prompt: prompt.slice(excess), answer };
  const rest = answer.slice(excess - prompt.length);
  return { prompt: rest.slice(0, 1), answer: rest.slice(1) };
}

/**
 * Lays out an answer to a prompt for a pass.
 *
 * @param what name of the answer, for messages
 * @throws {UserError} when it has no tokens to learn from, or some beyond the vocabulary
 */
export function answerRow(
  model: Pick<LanguageModel, "firstInput" | "vocabSize" | "taskType">,
  prompt: readonly number[],
  answer: readonly number[],
  truncation: TruncationOptions,
  what: string,
): TokenRow {
  if (prompt.length === 0) {
    throw new UserError(`the prompt of ${what} is empty; give at least one token`);
  }
  checkTokens(model, prompt, `the prompt of ${what}`);
  checkTokens(model, answer, what);
  // An encoder-decoder reads the prompt apart from the answer: there is no length of both together.
  const limits = model.taskType === "SEQ_2_SEQ_LM"
    ? { ...truncation, maxLength: null }
    : truncation;
  const kept = truncateAnswer(prompt, answer, limits);
  if (kept.answer.length === 0) {
    throw new UserError(
      answer.length === 0
        ? `${what} is empty; give at least one token`
        : `nothing is left of ${what} after truncation: raise \`maxLength\`, or lower \`maxPromptLength\``,
    );
  }
  return responseRow(model, kept.prompt, kept.answer);
}
