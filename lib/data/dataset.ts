import { UserError } from "../errors.ts";
import { findSplitFiles } from "./split_files.ts";
import { readParts, type Table } from "./table.ts";
import type { TokenCache } from "./token_cache.ts";
import { TokenizedTexts } from "./tokenized_texts.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Prompt of the notebook, character for character. */
export const DEFAULT_PROMPT = "\nSummarize the following conversation.\n\n{dialogue}\n\nSummary:\n";

/** Options for making prompts of rows, under the names of a run's settings. */
export interface DatasetOptions {
  /** Column with the texts to respond to. Default `dialogue`. */
  dialogueColumn?: string;
  /** Column with the reference responses. Default `summary`. */
  summaryColumn?: string;
  /** Minimum number of characters of a dialogue (exclusive). Default 200. */
  inputMinTextLength?: number;
  /** Maximum number of characters of a dialogue. Default 1000. */
  inputMaxTextLength?: number;
  /** Prompt, in which `{dialogue}` stands for the text. Default {@linkcode DEFAULT_PROMPT}. */
  prompt?: string;
  /** Cache of tokens, in which its `save` keeps new ones. Default none. */
  cache?: TokenCache | null;
}

/** Prompt that is ready for the policy. */
export interface Example {
  /** Id in the file; where it has none, the row's number from 0. */
  id: string;
  /** Prompt as the policy sees it: the decoded `inputIds`, special tokens included. */
  query: string;
  /** Tokens of the prompt, special tokens included. */
  inputIds: number[];
  /** Reference response; empty where the file has no text for it. */
  summary: string;
  /** Row of the file, by column. */
  columns: Readonly<Record<string, unknown>>;
}

/**
 * Part of a dataset. Rows are tokenized when they are first used, and kept: a run needs a few
 * hundred of them (bench/RESULTS.md).
 */
export class DatasetSplit {
  private readonly examples: (Example | undefined)[] = [];
  #prompts: TokenizedTexts | null = null;

  /** Takes prompts; {@linkcode loadDataset} makes them. */
  constructor(
    /** `train`, `validation` or `test`. */
    readonly name: string,
    /** Names of a row's features, as the Hugging Face library lists them. */
    readonly features: readonly string[],
    private readonly rows: readonly PromptRow[],
    private readonly tokenizer: Tokenizer,
    private readonly cache: TokenCache | null,
    private readonly references: References,
  ) {}

  /** Number of rows. */
  get length(): number {
    return this.rows.length;
  }

  /** Tokens of the prompts. */
  get prompts(): TokenizedTexts {
    return this.#prompts ??= new TokenizedTexts(
      this.rows.map(({ prompt }) => prompt),
      this.tokenizer,
      { name: `${this.name} prompts`, cache: this.cache },
    );
  }

  /** Returns the row of this index, 0 … length - 1. */
  example(index: number): Example {
    return this.examples[index] ??= this.toExample(index);
  }

  /**
   * Returns the reference responses' tokens, the targets of supervised training, at most
   * `maxLength` of each.
   *
   * @throws UserError when a row has no reference, with the row and what it has instead.
   */
  labels(maxLength: number): TokenizedTexts {
    return new TokenizedTexts(
      this.rows.map((row) => this.#summary(row)),
      this.tokenizer,
      { name: `${this.name} summaries`, maxLength, cache: this.cache },
    );
  }

  /** Reference of a row that must have one. */
  #summary({ summary, row, columns }: PromptRow): string {
    const { path, column, wanted } = this.references;
    if (summary !== null) return summary;
    if (column === null) throw noColumn(path, wanted, Object.keys(columns), "summaryColumn");
    throw notText(path, row, column, columns[column]);
  }

  /** Makes the example of a row. */
  private toExample(index: number): Example {
    const { id, summary, columns } = this.rows[index];
    const inputIds = this.prompts.ids(index);
    return {
      id,
      query: this.tokenizer.decode(inputIds),
      inputIds,
      summary: summary ?? "",
      columns,
    };
  }
}

/** Prompts in named splits: `train`, `validation`, `test`. */
export class Dataset {
  /** Takes prompts; {@linkcode loadDataset} makes them. */
  constructor(
    /** Path that the dataset was read from, for messages. */
    readonly path: string,
    readonly splits: ReadonlyMap<string, DatasetSplit>,
    /** One line that says how many rows the length filter has left out; null for none. */
    readonly filterNotice: string | null = null,
  ) {}

  /** Returns a split by name. @throws UserError listing the splits there are. */
  split(name: string): DatasetSplit {
    const split = this.splits.get(name);
    if (split) return split;
    const found = [...this.splits.keys()].join(", ");
    throw new UserError(`${this.path} has no ${name} split, only ${found}`);
  }

  /** Summarizes the dataset as the notebook prints it: each split's features and number of rows. */
  describe(): string {
    const lines = ["DatasetDict({"];
    for (const [name, { features, length }] of this.splits) {
      lines.push(
        `    ${name}: Dataset({`,
        `        features: [${features.map((feature) => `'${feature}'`).join(", ")}],`,
        `        num_rows: ${length}`,
        "    })",
      );
    }
    return [...lines, "})"].join("\n");
  }
}

/**
 * Reads dialogues and makes prompts of them: filters by length in characters, fills the template
 * in, splits.
 *
 * @param path a .csv, .jsonl or .parquet file, whose last fifth becomes the test split; or a folder
 * with files for each split (train, validation or dev, test), named as on the Hub ({@linkcode
 * findSplitFiles}), where a train split without a test split is divided the same way. The columns
 * are DialogSum's (id, dialogue, summary, topic) or those of `options`. As in the original
 * DialogSum files, `fname` will do for the id and `summary1` (the first of several references) for
 * the summary. Prompts need no references: those that are missing are noticed where they are asked
 * for, in {@linkcode DatasetSplit.labels}.
 * @throws UserError when a file or column is missing, or the filter leaves nothing.
 */
export async function loadDataset(
  path: string,
  tokenizer: Tokenizer,
  options: DatasetOptions = {},
): Promise<Dataset> {
  const settings = {
    dialogueColumn: "dialogue",
    summaryColumn: "summary",
    inputMinTextLength: 200,
    inputMaxTextLength: 1000,
    prompt: DEFAULT_PROMPT,
    cache: null,
    ...options,
  };
  if (!settings.prompt.includes("{dialogue}")) {
    throw new UserError(
      `the prompt ${
        JSON.stringify(settings.prompt)
      } has no {dialogue}: put it where the text belongs`,
    );
  }
  const splits = new Map<string, DatasetSplit>();
  const files = await findSplitFiles(path);
  let [kept, total] = [0, 0];
  for (const [name, parts] of files) {
    const table = await readParts(parts);
    const references = findReferences(table, settings.summaryColumn);
    const rows = promptRows(table, references, settings);
    kept += rows.length;
    total += table.rows.length;
    const features = [...table.columns, "input_ids", "query"];
    const add = (split: string, part: PromptRow[]) =>
      splits.set(
        split,
        new DatasetSplit(split, features, part, tokenizer, settings.cache, references),
      );
    if (name === "train" && !files.has("test")) {
      const trainCount = rows.length - testCount(table.path, rows.length);
      add("train", rows.slice(0, trainCount));
      add("test", rows.slice(trainCount));
    } else {
      add(name, rows);
    }
  }
  const { inputMinTextLength: shortest, inputMaxTextLength: longest } = settings;
  const notice = kept === total
    ? null
    : `${
      total - kept
    } of ${total} rows left out: their texts are not of ${shortest} to ${longest} characters`;
  return new Dataset(path, splits, notice);
}

/**
 * Number of rows of the test split, as `train_test_split(test_size=0.2)` in Hugging Face's
 * datasets.
 */
function testCount(path: string, count: number): number {
  if (count < 2) {
    throw new UserError(
      `${path} leaves ${count} dialogue after the filter: dividing it into train and test takes 2`,
    );
  }
  return Math.ceil(0.2 * count);
}

interface PromptRow {
  id: string;
  prompt: string;
  /** Reference response; null where there is no text. */
  summary: string | null;
  /** Row of the file, from 0. */
  row: number;
  columns: Record<string, unknown>;
}

/** Column of the reference responses. */
interface References {
  /** Path of the file, for messages. */
  path: string;
  /** Name of the column; null where the file has none. */
  column: string | null;
  /** Name of the column that the settings ask for. */
  wanted: string;
}

function findReferences(table: Table, wanted: string): References {
  return { path: table.path, column: findColumn(table, [wanted, `${wanted}1`]), wanted };
}

function promptRows(
  table: Table,
  { column: summaryKey }: References,
  settings: Required<DatasetOptions>,
): PromptRow[] {
  const { dialogueColumn, inputMinTextLength, inputMaxTextLength, prompt } = settings;
  const dialogueKey = findColumn(table, [dialogueColumn]);
  if (dialogueKey === null) {
    throw noColumn(table.path, dialogueColumn, table.columns, "dialogueColumn");
  }
  const idKey = ["id", "fname"].find((name) => table.columns.includes(name));
  const kept: PromptRow[] = [];
  for (const [i, row] of table.rows.entries()) {
    const dialogue = row[dialogueKey];
    if (typeof dialogue !== "string") throw notText(table.path, i, dialogueKey, dialogue);
    const length = characterCount(dialogue);
    if (length <= inputMinTextLength || length > inputMaxTextLength) continue;
    kept.push({
      id: String(idKey === undefined ? i : row[idKey]),
      prompt: prompt.replaceAll("{dialogue}", () => dialogue),
      summary: textOrNull(summaryKey === null ? null : row[summaryKey]),
      row: i,
      columns: row,
    });
  }
  if (table.rows.length === 0) throw new UserError(`${table.path} has no rows`);
  if (kept.length === 0) {
    throw new UserError(
      `${table.path} has no dialogue of more than ${inputMinTextLength} and at most ` +
        `${inputMaxTextLength} characters among its ${table.rows.length} rows: widen the filter`,
    );
  }
  return kept;
}

/** Finds the first of several names among a table's columns; null where there is none. */
function findColumn(table: Table, names: string[]): string | null {
  const found = names.find((name) => table.columns.includes(name));
  if (found === undefined) return null;
  if (table.columns.indexOf(found) !== table.columns.lastIndexOf(found)) {
    throw new UserError(`${table.path} has several columns "${found}": rename all but one`);
  }
  return found;
}

function noColumn(
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

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function notText(path: string, row: number, column: string, value: unknown): UserError {
  const found = value === undefined ? "missing" : JSON.stringify(value).slice(0, 80);
  return new UserError(`${path}, row ${row + 1}: "${column}" is ${found}, expected a text`);
}

/** Number of characters as Python counts them, in code points. */
function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
