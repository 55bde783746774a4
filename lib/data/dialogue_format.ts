import { UserError } from "../errors.ts";
import { shortJson } from "../visible_text.ts";
import type { RowFormat, TableRow } from "./row_format.ts";
import { findColumn, type Table } from "./table.ts";
import type { TrlTexts } from "./trl_rows.ts";

/** Prompt of the notebook, character for character. */
export const DEFAULT_PROMPT = "\nSummarize the following conversation.\n\n{dialogue}\n\nSummary:\n";

/** Options of dialogues, under the names of a run's settings. */
export interface DialogueOptions {
  /** Column with the texts to respond to. Default `dialogue`. */
  dialogueColumn: string;
  /** Column with the reference responses. Default `summary`. */
  summaryColumn: string;
  /** Minimum number of characters of a dialogue (exclusive). Default 200. */
  inputMinTextLength: number;
  /** Maximum number of characters of a dialogue. Default 1000. */
  inputMaxTextLength: number;
  /** Prompt, in which `{dialogue}` stands for the text. Default {@linkcode DEFAULT_PROMPT}. */
  prompt: string;
}

/** Dialogues with summaries, which a prompt is made around. */
export class DialogueFormat implements RowFormat {
  readonly kind = "dialogue";
  readonly rendered = false;
  readonly referenceColumn: string | null;
  readonly #dialogueColumn: string;

  /** Finds the columns. @throws UserError when there is none with dialogues */
  constructor(private readonly table: Table, private readonly options: DialogueOptions) {
    const { dialogueColumn, prompt } = options;
    if (!prompt.includes("{dialogue}")) {
      throw new UserError(
        `the prompt ${JSON.stringify(prompt)} has no {dialogue}: put it where the text belongs`,
      );
    }
    const dialogues = findColumn(table, [dialogueColumn]);
    if (dialogues === null) {
      throw noColumn(table.path, dialogueColumn, table.columns, "dialogueColumn");
    }
    this.#dialogueColumn = dialogues;
    this.referenceColumn = findColumn(table, [this.wantedReference, `${this.wantedReference}1`]);
  }

  /** Column of the references that the options ask for. */
  get wantedReference(): string {
    return this.options.summaryColumn;
  }

  check(row: TableRow): void {
    if (typeof row.columns[this.#dialogueColumn] === "string") return;
    throw noText(this.table.path, row, this.#dialogueColumn);
  }

  /** Tells whether a dialogue's length is within the limits. */
  takes(row: TableRow): boolean {
    const { inputMinTextLength, inputMaxTextLength } = this.options;
    const length = characterCount(this.#dialogue(row));
    return length > inputMinTextLength && length <= inputMaxTextLength;
  }

  /** Error of a table whose dialogues are all too short or too long. */
  nothingLeft(rows: number): UserError {
    const { inputMinTextLength, inputMaxTextLength } = this.options;
    return new UserError(
      `${this.table.path} has no dialogue of more than ${inputMinTextLength} and at most ` +
        `${inputMaxTextLength} characters among its ${rows} rows: widen the filter`,
    );
  }

  prompt(row: TableRow): string {
    return this.options.prompt.replaceAll("{dialogue}", () => this.#dialogue(row));
  }

  reference({ columns }: TableRow): string | null {
    const reference = this.referenceColumn === null ? null : columns[this.referenceColumn];
    return typeof reference === "string" ? reference : null;
  }

  whole(row: TableRow, end: string): string {
    const reference = this.reference(row) ?? "";
    return this.prompt(row) + (reference.endsWith(end) ? reference : reference + end);
  }

  texts(row: TableRow): TrlTexts {
    return { prompt: this.prompt(row), completion: this.reference(row) ?? "" };
  }

  conversation(): null {
    return null;
  }

  #dialogue({ columns }: TableRow): string {
    return columns[this.#dialogueColumn] as string;
  }
}

/** Error of a table that lacks a column. */
export function noColumn(
  path: string,
  wanted: string,
  columns: readonly string[],
  setting: "dialogueColumn" | "summaryColumn",
): UserError {
  return new UserError(
    `${path} has no column "${wanted}": name one of its columns with \`${setting}\`: ${
      columns.map((name) => JSON.stringify(name)).join(", ")
    }`,
  );
}

/** Error of a row that has no text in a column. */
export function noText(path: string, { row, columns }: TableRow, column: string): UserError {
  const found = shortJson(columns[column]);
  return new UserError(`${path}, row ${row + 1}: "${column}" is ${found}, expected a text`);
}

/** Number of characters as Python counts them, in code points. */
function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
