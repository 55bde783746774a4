import { UserError } from "../errors.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { assistantSpans, type TextSpan } from "./assistant_spans.ts";
import { optionsOf, type RowFormat, type TableRow } from "./row_format.ts";
import type { TokenCache } from "./token_cache.ts";
import { TokenizedTexts } from "./tokenized_texts.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Settings of what a decoder-only model learns, under the names of a run's settings. */
export interface SequenceOptions {
  /** Maximum number of tokens of a row, prompt and response together: its end is cut. */
  maxLength: number;
  /** Learn completions only, where rows have a prompt and a completion, as TRL does by default. */
  completionOnlyLoss: boolean;
  /** Learn what the assistant says in a conversation only. */
  assistantOnlyLoss: boolean;
}

/** A row as tokens to read, and tokens to learn. */
export interface TrainingSequence {
  /** Tokens before the first that counts. */
  inputIds: number[];
  /** Tokens from the first to the last that counts. */
  labels: number[];
  /** Those of the labels that count: ranges in their order. */
  counted: (readonly [start: number, end: number])[];
}

/** Number of rows in which the assistant's turns are looked for before training. */
const FIRST_ROWS = 64;

/**
 * Rows of a split as TRL's SFTTrainer makes sequences of them for decoder-only models: prompt and
 * response are one text, from whose end is cut what is too long.
 */
export class TrainingSequences {
  readonly #wholes: TokenizedTexts;
  readonly #ranges = new Map<number, [number, number][]>();

  /**
   * Takes the texts of rows.
   *
   * @param prompts tokens of the prompts that completions follow; null for rows without
   * @param template of the conversations; null for texts
   * @throws {UserError} when rows have no response, or no conversation where only the assistant's turns
   *   are to be learnt
   */
  constructor(
    private readonly format: RowFormat,
    private readonly rows: readonly TableRow[],
    private readonly tokenizer: Tokenizer,
    private readonly prompts: TokenizedTexts | null,
    private readonly template: ChatTemplate | null,
    private readonly options: SequenceOptions,
    { name, cache }: { name: string; cache: TokenCache | null },
  ) {
    if (options.assistantOnlyLoss && template === null) {
      throw new UserError(
        "`assistantOnlyLoss` needs conversations (lists of messages), but the dataset has texts",
      );
    }
    const { eosTokenId } = tokenizer;
    const end = eosTokenId === null ? "" : tokenizer.decode([eosTokenId]);
    this.#wholes = new TokenizedTexts(rows.map((row) => format.whole(row, end)), tokenizer, {
      name: `${name} sequences`,
      addSpecialTokens: !format.rendered,
      cache,
    });
  }

  /** Numbers of the rows that have something to learn within the maximum length. */
  learnable(): number[] {
    return Array.from(this.rows.keys()).filter((row) =>
      this.#surelyLearnable(row) || this.#counted(row).length > 0
    );
  }

  /** Tells without tokens, where it can, that a row has something to learn. */
  #surelyLearnable(row: number): boolean {
    const { maxLength, completionOnlyLoss, assistantOnlyLoss } = this.options;
    const text = this.#wholes.text(row);
    const fits = (text: string) => mostTokens(text) < maxLength;
    if (assistantOnlyLoss) {
      // Of the first rows the turns are looked for, so that a template without them shows at once.
      if (row < FIRST_ROWS || !fits(text)) {
        const [first] = this.#spans(row);
        return first !== undefined && fits(text.slice(0, first[0])) && first[1] > first[0] + 1;
      }
      return this.format.conversation(this.rows[row])!.some(({ role }) => role === "assistant");
    }
    return completionOnlyLoss && this.prompts !== null
      ? fits(this.prompts.text(row))
      : text.length > 64;
  }

  /** Returns a row's text, prompt and response together. */
  text(row: number): string {
    return this.#wholes.text(row);
  }

  /** Returns a row that has something to learn. */
  sequence(row: number): TrainingSequence {
    const ids = this.#wholes.ids(row);
    const counted = this.#counted(row);
    const [[first], [, last]] = [counted[0], counted[counted.length - 1]];
    return {
      inputIds: ids.slice(0, first),
      labels: ids.slice(first, last),
      counted: counted.map(([start, end]) => [start - first, end - first]),
    };
  }

  /** Ranges of a row's tokens that count. */
  #counted(row: number): [number, number][] {
    const known = this.#ranges.get(row) ?? this.#findCounted(row);
    this.#ranges.set(row, known);
    return known;
  }

  #findCounted(row: number): [number, number][] {
    const { maxLength, completionOnlyLoss, assistantOnlyLoss } = this.options;
    const ids = this.#wholes.ids(row);
    // Nothing precedes the first token, so nothing can predict it.
    const first = completionOnlyLoss ? Math.max(1, this.prompts?.ids(row).length ?? 1) : 1;
    const ranges = assistantOnlyLoss ? this.#assistantTokens(row) : [[0, ids.length] as const];
    const end = Math.min(ids.length, maxLength);
    return ranges
      .map(([from, to]): [number, number] => [Math.max(from, first), Math.min(to, end)])
      .filter(([from, to]) => from < to);
  }

  /** Ranges of the tokens with what the assistant says. */
  #assistantTokens(row: number): [number, number][] {
    const bounds = new TokenBounds(this.tokenizer, this.#wholes.text(row), this.#wholes.ids(row));
    return this.#spans(row).map((span) => bounds.tokensOf(span));
  }

  /** Parts of the text that the assistant says. */
  #spans(row: number): TextSpan[] {
    const turns = this.format.conversation(this.rows[row])!;
    const options = optionsOf(this.rows[row]);
    return assistantSpans(turns, this.#wholes.text(row), this.template!, options);
  }
}

/**
 * Number of tokens that a text has at most: a token has at least one byte, and a tokenizer may take
 * characters beyond ASCII apart before.
 */
function mostTokens(text: string): number {
  const bytes = new TextEncoder().encode(text).length;
  return 1 + (bytes === text.length ? bytes : 2 * bytes);
}

/** Finds which tokens a part of a text is in, by decoding the tokens before. */
class TokenBounds {
  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly text: string,
    private readonly ids: readonly number[],
  ) {}

  /** Range of the tokens from the one with the span's first character to the one with its last. */
  tokensOf([start, end]: TextSpan): [number, number] {
    return [
      this.#boundary(start, (length) => this.#tokensWithin(length)),
      this.#boundary(end, (length) => this.#tokensUpTo(length)),
    ];
  }

  /**
   * Number of the tokens before a place in the text. Mostly they are those of the text before it;
   * otherwise its length is compared with those of decoded tokens, since a tokenizer may normalize.
   */
  #boundary(place: number, within: (length: number) => number): number {
    const ids = this.tokenizer.encode(this.text.slice(0, place), { addSpecialTokens: false });
    if (ids.every((id, i) => id === this.ids[i])) return ids.length;
    return within(this.tokenizer.decode(ids).length);
  }

  /** Number of the tokens that end at most here. */
  #tokensWithin(length: number): number {
    return this.#search((tokens) => this.#lengthOf(tokens + 1) > length);
  }

  /** Number of the tokens that begin before here. */
  #tokensUpTo(length: number): number {
    return this.#search((tokens) => this.#lengthOf(tokens) >= length);
  }

  #lengthOf(tokens: number): number {
    return this.tokenizer.decode(this.ids.slice(0, tokens)).length;
  }

  /** Smallest number of tokens that a condition holds for, which then holds for all larger ones. */
  #search(holds: (tokens: number) => boolean): number {
    let [low, high] = [0, this.ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
