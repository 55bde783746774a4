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
   * @param prompts tokens of the rows' prompts; null for rows without
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
        "`assistantOnlyLoss` needs conversations (lists of messages), the dataset has texts",
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
    const { maxLength, assistantOnlyLoss } = this.options;
    // A token has at least one byte, a UTF-16 unit at most three.
    const mayBeCut = (row: number) => 3 * this.#wholes.text(row).length >= maxLength;
    return Array.from(this.rows.keys()).filter((row) =>
      !assistantOnlyLoss && !mayBeCut(row) || this.#counted(row).length > 0
    );
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
    const hasPrompt = this.format.kind === "dialogue" || this.format.kind === "prompt-completion";
    // Nothing precedes the first token, so nothing can predict it.
    const first = completionOnlyLoss && hasPrompt
      ? Math.max(1, this.prompts?.ids(row).length ?? 1)
      : 1;
    const ranges = assistantOnlyLoss ? this.#assistantTokens(row) : [[0, ids.length] as const];
    const end = Math.min(ids.length, maxLength);
    return ranges
      .map(([from, to]): [number, number] => [Math.max(from, first), Math.min(to, end)])
      .filter(([from, to]) => from < to);
  }

  /** Ranges of the tokens with what the assistant says. */
  #assistantTokens(row: number): [number, number][] {
    const text = this.#wholes.text(row);
    const turns = this.format.conversation(this.rows[row])!;
    const spans = assistantSpans(turns, text, this.template!, optionsOf(this.rows[row]));
    const bounds = new TokenBounds(this.tokenizer, text, this.#wholes.ids(row));
    return spans.map((span) => bounds.tokensOf(span));
  }
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
    const [from, to] = [this.#decodedLength(start), this.#decodedLength(end)];
    return [this.#tokensWithin(from), this.#tokensUpTo(to)];
  }

  /** Length that the first characters have once they are decoded: a tokenizer may normalize them. */
  #decodedLength(characters: number): number {
    const ids = this.tokenizer.encode(this.text.slice(0, characters), { addSpecialTokens: false });
    return this.tokenizer.decode(ids).length;
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
