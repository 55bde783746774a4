import type { DatasetSplit, Example } from "../../data/dataset.ts";
import { UserError } from "../../errors.ts";
import type { LanguageModel } from "../../models/language_model.ts";

/** Texts that a model is to read. */
export interface ReadTexts {
  /** Name of one, for messages: `prompt`. */
  readonly what: string;
  /** Number of texts. */
  readonly length: number;
  /** Place of a text, for messages: `row 3 of the train split`. */
  place(index: number): string;
  /** Number of UTF-16 units of a text. */
  characters(index: number): number;
  /** Number of tokens of a text. */
  tokens(index: number): number;
}

/** Tokens behind a text, and the setting that says how many. */
export interface TextEnd {
  /** Maximum number of tokens behind a text. The last token of all is never read. */
  readonly newTokens: number;
  /** Setting with that number; without new tokens, that with the maximum length of a text. */
  readonly setting: string;
}

/** Number of tokens that a UTF-16 unit makes at most: it has up to three bytes. */
const TOKENS_PER_UNIT = 3;
/** Most special tokens that a tokenizer puts around a text. */
const SPECIAL_TOKENS = 8;

/** All prompts of a split, which are tokenized only where they may be too long. */
export function promptsOfSplit(split: DatasetSplit): ReadTexts {
  const { prompts } = split;
  return {
    what: "prompt",
    length: prompts.length,
    place: (row) => placeOf(row, split.name),
    characters: (row) => prompts.text(row).length,
    tokens: (row) => prompts.ids(row).length,
  };
}

/** Prompts of the first rows of a split, which have their tokens already. */
export function promptsOfExamples(
  examples: readonly Pick<Example, "query" | "inputIds">[],
  place: (index: number) => string = (row) => placeOf(row, "test"),
): ReadTexts {
  return {
    what: "prompt",
    length: examples.length,
    place,
    characters: (index) => examples[index].query.length,
    tokens: (index) => examples[index].inputIds.length,
  };
}

/** Names a row of a split. */
export function placeOf(row: number, split: string, what: string = "row"): string {
  return `${what} ${row + 1} of the ${split} split`;
}

/**
 * Checks that a model with learned positions has one for every token that it is to read: a text that is
 * too long would otherwise end a run at the step that draws it.
 *
 * @returns a line for people where a model reads on beyond the length that it was trained on; null
 *   where the longest text is within it
 * @throws {UserError} naming the first text that is too long, and the setting
 */
export function checkTextLengths(
  { taskType, maxPositions, trainedLength }: Pick<
    LanguageModel,
    "taskType" | "maxPositions" | "trainedLength"
  >,
  texts: ReadTexts,
  { newTokens, setting }: TextEnd,
): string | null {
  const limit = maxPositions ?? trainedLength;
  // An encoder-decoder reads a prompt apart from its response, and at relative positions.
  if (limit === null || taskType !== "CAUSAL_LM" || texts.length === 0) return null;
  const room = limit - newTokens + 1;
  const isTooLong = (index: number) =>
    TOKENS_PER_UNIT * texts.characters(index) + SPECIAL_TOKENS > room &&
    texts.tokens(index) > room;
  const describe = (index: number) =>
    `${texts.place(index)}: the ${texts.what} has ${texts.tokens(index)} tokens` +
    (newTokens > 0 ? ` and its response up to ${newTokens} (\`${setting}\`)` : "");
  if (maxPositions !== null) {
    for (let index = 0; index < texts.length; index++) {
      if (!isTooLong(index)) continue;
      throw new UserError(
        `${describe(index)}, the model has ${maxPositions} positions: lower \`${setting}\`, or ` +
          `shorten the ${texts.what}`,
      );
    }
    return null;
  }
  // Advice is not worth the time of tokenizing every text: the longest will do.
  let longest = 0;
  for (let index = 1; index < texts.length; index++) {
    if (texts.characters(index) > texts.characters(longest)) longest = index;
  }
  if (!isTooLong(longest)) return null;
  return `warning: ${describe(longest)}, the model was trained on ${trainedLength} ` +
    "(`max_position_embeddings`): what it says beyond may be poor";
}
