import { UserError } from "../errors.ts";
import { shortJson } from "../visible_text.ts";
import type { RowFormat, TableRow } from "./row_format.ts";
import type { TokenCache } from "./token_cache.ts";
import { TokenizedTexts } from "./tokenized_texts.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A prompt with a better and a worse answer, as texts. */
export interface PairTexts {
  /** Text that is continued. */
  readonly prompt: string;
  /** Better continuation. */
  readonly chosen: string;
  /** Worse continuation. */
  readonly rejected: string;
}

/** A prompt with a better and a worse answer, as tokens. */
export interface PairTokens {
  /** Prompt, with the special tokens that the model expects. */
  readonly prompt: number[];
  /** Better answer, with the end token. */
  readonly chosen: number[];
  /** Worse answer, with the end token. */
  readonly rejected: number[];
}

/** Common parts of a split's rows. */
export interface RowSource {
  /** Path of the file, for messages. */
  readonly path: string;
  readonly format: RowFormat;
  readonly rows: readonly TableRow[];
  readonly tokenizer: Tokenizer;
  /** Name of the split. */
  readonly name: string;
  readonly cache: TokenCache | null;
}

/**
 * Rows of a split as preference pairs. Those without a preference are left out: both answers are the
 * same, or one is empty.
 *
 * Prompts and answers are tokenized apart from each other, as in TRL's DPOTrainer. An end token is put
 * behind an answer that has none as its last token.
 */
export class PreferencePairs {
  /** Reasons why rows are left out, with their numbers. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly #texts: PairTexts[] = [];
  readonly #rows: TableRow[] = [];
  readonly #prompts: TokenizedTexts;
  readonly #answers: Readonly<Record<"chosen" | "rejected", TokenizedTexts>>;

  /**
   * Takes rows.
   *
   * @param needsPrompts leave rows out whose answers have no prompt
   * @throws {UserError} when they are no pairs, or none has a preference
   */
  constructor(private readonly source: RowSource, needsPrompts = true) {
    const { path, format, rows, name } = source;
    if (format.kind !== "preference") {
      throw new UserError(
        `${path} has no preferences: expected columns "chosen" and "rejected", and "prompt" unless ` +
          "both begin with it",
      );
    }
    const leftOut: Record<string, number> = {};
    for (const row of rows) {
      const { prompt = "", chosen, rejected } = format.texts(row) as PairTexts;
      const reason = chosen === rejected
        ? "both answers are the same"
        : chosen.trim() === "" || rejected.trim() === ""
        ? "an answer is empty"
        : needsPrompts && prompt === ""
        ? "prompt" in row.columns
          ? "there is no prompt"
          : "chosen and rejected have no prompt in common"
        : null;
      if (reason === null) {
        this.#texts.push({ prompt, chosen, rejected });
        this.#rows.push(row);
      } else {
        leftOut[reason] = (leftOut[reason] ?? 0) + 1;
      }
    }
    this.leftOut = leftOut;
    if (this.#texts.length === 0) {
      const reasons = Object.entries(leftOut).map(([reason, count]) => `${count} (${reason})`);
      throw new UserError(
        `${path}: no row of the ${name} split has a preference; left out: ${reasons.join(", ")}`,
      );
    }
    this.#prompts = this.#tokenized("prompts", ({ prompt }) => prompt, !format.rendered);
    this.#answers = {
      chosen: this.#tokenized("chosen answers", ({ chosen }) => chosen, false),
      rejected: this.#tokenized("rejected answers", ({ rejected }) => rejected, false),
    };
  }

  /** Number of pairs. */
  get length(): number {
    return this.#texts.length;
  }

  /** Returns a pair's texts. */
  texts(pair: number): PairTexts {
    return this.#texts[pair];
  }

  /** Returns the row of the file that a pair is from, by column. */
  columns(pair: number): Readonly<Record<string, unknown>> {
    return this.#rows[pair].columns;
  }

  /** Returns a pair's tokens. */
  tokens(pair: number): PairTokens {
    return {
      prompt: this.#prompts.ids(pair),
      chosen: withEnd(this.#answers.chosen.ids(pair), this.source.tokenizer),
      rejected: withEnd(this.#answers.rejected.ids(pair), this.source.tokenizer),
    };
  }

  /**
   * Tokens of each prompt and one of its answers as a single text, with the special tokens that a model
   * expects, also around what a template has written: so a classifier reads texts that it scores.
   */
  wholes(answer: "chosen" | "rejected"): TokenizedTexts {
    const whole = (pair: PairTexts) => pair.prompt + pair[answer];
    return this.#tokenized(`${answer} texts`, whole, true);
  }

  #tokenized(
    what: string,
    textOf: (pair: PairTexts) => string,
    addSpecialTokens: boolean,
  ): TokenizedTexts {
    const { name, tokenizer, cache } = this.source;
    const options = { name: `${name} ${what}`, addSpecialTokens, cache };
    return new TokenizedTexts(this.#texts.map(textOf), tokenizer, options);
  }
}

/** An answer to a prompt that was liked or not, as texts. */
export interface LabelledTexts {
  /** Text that is continued. */
  readonly prompt: string;
  /** Continuation. */
  readonly completion: string;
  /** True for a desirable answer. */
  readonly label: boolean;
}

/** An answer to a prompt that was liked or not, as tokens. */
export interface LabelledTokens {
  /** Prompt, with the special tokens that the model expects. */
  readonly prompt: number[];
  /** Answer, with the end token. */
  readonly completion: number[];
  /** True for a desirable answer. */
  readonly label: boolean;
}

/** Rows of a split as answers that were liked or not (TRL's unpaired preferences). */
export interface LabelledAnswers {
  /** Number of answers. */
  readonly length: number;
  /** Reasons why rows are left out, with their numbers. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Returns an answer's texts. */
  texts(answer: number): LabelledTexts;
  /** Returns the row of the file that an answer is from, by column. */
  columns(answer: number): Readonly<Record<string, unknown>>;
  /** Returns an answer's tokens. */
  tokens(answer: number): LabelledTokens;
}

/**
 * Reads answers that were liked or not: rows with the columns prompt, completion and label; or pairs,
 * whose chosen answers are the liked ones (TRL's `unpair_preference_dataset`).
 *
 * @throws {UserError} when rows have neither, a label is not true or false, or no answer is left
 */
export function labelledAnswers(source: RowSource): LabelledAnswers {
  return source.format.kind === "preference"
    ? new AnswersOfPairs(new PreferencePairs(source))
    : new AnswersWithLabels(source);
}

/** Each pair's chosen answer, and then its rejected one. */
class AnswersOfPairs implements LabelledAnswers {
  readonly leftOut: Readonly<Record<string, number>>;

  constructor(private readonly pairs: PreferencePairs) {
    this.leftOut = pairs.leftOut;
  }

  get length(): number {
    return 2 * this.pairs.length;
  }

  texts(answer: number): LabelledTexts {
    const label = answer % 2 === 0;
    const { prompt, chosen, rejected } = this.pairs.texts(answer >> 1);
    return { prompt, completion: label ? chosen : rejected, label };
  }

  columns(answer: number): Readonly<Record<string, unknown>> {
    return this.pairs.columns(answer >> 1);
  }

  tokens(answer: number): LabelledTokens {
    const label = answer % 2 === 0;
    const { prompt, chosen, rejected } = this.pairs.tokens(answer >> 1);
    return { prompt, completion: label ? chosen : rejected, label };
  }
}

/** Rows with the columns prompt, completion and label. */
class AnswersWithLabels implements LabelledAnswers {
  readonly leftOut: Readonly<Record<string, number>>;
  readonly #texts: LabelledTexts[];
  readonly #rows: TableRow[];
  readonly #prompts: TokenizedTexts;
  readonly #completions: TokenizedTexts;

  constructor(private readonly source: RowSource) {
    const { path, format, rows, name, tokenizer, cache } = source;
    if (format.kind !== "prompt-completion" || !("label" in rows[0].columns)) {
      throw new UserError(
        `${path} has no labelled answers: expected columns "prompt", "completion" and "label", or ` +
          '"chosen" and "rejected"',
      );
    }
    const texts = rows.map((row): LabelledTexts => {
      const { prompt, completion } = format.texts(row);
      return { prompt: prompt!, completion: completion!, label: labelOf(path, row) };
    });
    const isThere = ({ completion }: LabelledTexts) => completion.trim() !== "";
    this.#texts = texts.filter(isThere);
    this.#rows = rows.filter((_, i) => isThere(texts[i]));
    const empty = texts.length - this.#texts.length;
    this.leftOut = empty === 0 ? {} : { "the answer is empty": empty };
    if (this.#texts.length === 0) {
      throw new UserError(`${path}: all answers of the ${name} split are empty`);
    }
    this.#prompts = new TokenizedTexts(this.#texts.map(({ prompt }) => prompt), tokenizer, {
      name: `${name} prompts`,
      addSpecialTokens: !format.rendered,
      cache,
    });
    this.#completions = new TokenizedTexts(
      this.#texts.map(({ completion }) => completion),
      tokenizer,
      { name: `${name} completions`, addSpecialTokens: false, cache },
    );
  }

  get length(): number {
    return this.#texts.length;
  }

  texts(answer: number): LabelledTexts {
    return this.#texts[answer];
  }

  columns(answer: number): Readonly<Record<string, unknown>> {
    return this.#rows[answer].columns;
  }

  tokens(answer: number): LabelledTokens {
    return {
      prompt: this.#prompts.ids(answer),
      completion: withEnd(this.#completions.ids(answer), this.source.tokenizer),
      label: this.#texts[answer].label,
    };
  }
}

/** Reads a label: CSV has it as a text. */
function labelOf(path: string, { row, columns }: TableRow): boolean {
  const { label } = columns;
  const named = typeof label === "string" ? label.toLowerCase() : label;
  if (named === true || named === "true") return true;
  if (named === false || named === "false") return false;
  const found = shortJson(label);
  throw new UserError(`${path}, row ${row + 1}: "label" is ${found}, expected true or false`);
}

function withEnd(ids: readonly number[], { eosTokenId }: Tokenizer): number[] {
  return eosTokenId === null || ids.at(-1) === eosTokenId ? [...ids] : [...ids, eosTokenId];
}
