import { UserError } from "../errors.ts";
import { findSplitFiles } from "./split_files.ts";
import { readParts, type Table } from "./table.ts";
import type { TokenCache } from "./token_cache.ts";
import { TokenizedTexts } from "./tokenized_texts.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The notebook's prompt, character for character. */
export const DEFAULT_PROMPT = "\nSummarize the following conversation.\n\n{dialogue}\n\nSummary:\n";

/** How rows become prompts. The names are those of the run's settings. */
export interface DatasetOptions {
  /** Column with the texts to respond to. Default `dialogue`. */
  dialogueColumn?: string;
  /** Column with the reference responses. Default `summary`. */
  summaryColumn?: string;
  /** Dialogues of so many characters or fewer are left out. Default 200. */
  inputMinTextLength?: number;
  /** Dialogues of more characters are left out. Default 1000. */
  inputMaxTextLength?: number;
  /** The prompt, `{dialogue}` standing for the text. Default {@linkcode DEFAULT_PROMPT}. */
  prompt?: string;
  /** Where tokens are taken from, and kept by its `save`. Default none. */
  cache?: TokenCache | null;
}

/** A prompt that is ready for the policy. */
export interface Example {
  /** As in the file, or the row's number from 0 where the file has no ids. */
  id: string;
  /** The prompt as the policy sees it: the decoded `inputIds`, special tokens included. */
  query: string;
  /** The prompt's tokens, special tokens included. */
  inputIds: number[];
  /** The reference response. */
  summary: string;
}

/**
 * A part of a dataset. Rows are tokenized when they are first asked for, and kept: a run needs a few
 * hundred of them (bench/RESULTS.md).
 */
export class DatasetSplit {
  private readonly examples: (Example | undefined)[] = [];
  #prompts: TokenizedTexts | null = null;

  /** Made by {@linkcode loadDataset}. */
  constructor(
    /** `train`, `validation` or `test`. */
    readonly name: string,
    /** Names of what a row has, as the Hugging Face library lists them. */
    readonly features: readonly string[],
    private readonly rows: readonly PromptRow[],
    private readonly tokenizer: Tokenizer,
    private readonly cache: TokenCache | null,
  ) {}

  /** Number of rows. */
  get length(): number {
    return this.rows.length;
  }

  /** The prompts' tokens. */
  get prompts(): TokenizedTexts {
    return this.#prompts ??= new TokenizedTexts(
      this.rows.map(({ prompt }) => prompt),
      this.tokenizer,
      { name: `${this.name} prompts`, cache: this.cache },
    );
  }

  /** The row of this index, 0 … length - 1. */
  example(index: number): Example {
    return this.examples[index] ??= this.toExample(index);
  }

  /** The reference responses' tokens, at most `maxLength` of each: what supervised learning learns. */
  labels(maxLength: number): TokenizedTexts {
    return new TokenizedTexts(
      this.rows.map(({ summary }) => summary),
      this.tokenizer,
      { name: `${this.name} summaries`, maxLength, cache: this.cache },
    );
  }

  /** Makes the example of a row. */
  private toExample(index: number): Example {
    const { id, summary } = this.rows[index];
    const inputIds = this.prompts.ids(index);
    return { id, query: this.tokenizer.decode(inputIds), inputIds, summary };
  }
}

/** Prompts in named splits: `train`, `validation`, `test`. */
export class Dataset {
  /** Made by {@linkcode loadDataset}. */
  constructor(
    /** Where it was read from, for messages. */
    readonly path: string,
    readonly splits: ReadonlyMap<string, DatasetSplit>,
  ) {}

  /** A split by name. @throws UserError listing the splits there are. */
  split(name: string): DatasetSplit {
    const split = this.splits.get(name);
    if (split) return split;
    const found = [...this.splits.keys()].join(", ");
    throw new UserError(`${this.path} has no ${name} split, only ${found}`);
  }

  /** The summary that the notebook prints: each split's features and number of rows. */
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
 * Reads dialogues and makes prompts of them: filters by length in characters, fills the template in,
 * splits.
 *
 * @param path a .csv, .jsonl or .parquet file, whose last fifth becomes the test split; or a folder with
 * files for each split (train, validation or dev, test), named as on the Hub ({@linkcode
 * findSplitFiles}), where a train split without a test split is divided the same way. The columns are DialogSum's (id, dialogue, summary, topic) or those of `options`. As in
 * the original DialogSum files, `fname` will do for the id and `summary1` (the first of several
 * references) for the summary.
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
  for (const [name, parts] of files) {
    const table = await readParts(parts);
    const rows = promptRows(table, settings);
    const features = [...table.columns, "input_ids", "query"];
    const add = (split: string, part: PromptRow[]) =>
      splits.set(split, new DatasetSplit(split, features, part, tokenizer, settings.cache));
    if (name === "train" && !files.has("test")) {
      const trainCount = rows.length - testCount(table.path, rows.length);
      add("train", rows.slice(0, trainCount));
      add("test", rows.slice(trainCount));
    } else {
      add(name, rows);
    }
  }
  return new Dataset(path, splits);
}

/** Rows of the test split: those of `train_test_split(test_size=0.2)` in Hugging Face's datasets. */
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
  summary: string;
}

function promptRows(table: Table, settings: Required<DatasetOptions>): PromptRow[] {
  const { dialogueColumn, summaryColumn, inputMinTextLength, inputMaxTextLength, prompt } =
    settings;
  const dialogueKey = findColumn(table, [dialogueColumn]);
  const summaryKey = findColumn(table, [summaryColumn, `${summaryColumn}1`]);
  const idKey = ["id", "fname"].find((name) => table.columns.includes(name));
  const kept: PromptRow[] = [];
  for (const [i, row] of table.rows.entries()) {
    const dialogue = textOf(table, i, dialogueKey);
    const length = characterCount(dialogue);
    if (length <= inputMinTextLength || length > inputMaxTextLength) continue;
    kept.push({
      id: String(idKey === undefined ? i : row[idKey]),
      prompt: prompt.replaceAll("{dialogue}", () => dialogue),
      summary: textOf(table, i, summaryKey),
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

function findColumn(table: Table, names: string[]): string {
  const found = names.find((name) => table.columns.includes(name));
  if (found !== undefined && table.columns.indexOf(found) !== table.columns.lastIndexOf(found)) {
    throw new UserError(`${table.path} has several columns "${found}": rename all but one`);
  }
  if (found !== undefined) return found;
  throw new UserError(
    `${table.path} has no column "${names[0]}": it has ${table.columns.join(", ")}`,
  );
}

function textOf(table: Table, index: number, column: string): string {
  const value = table.rows[index][column];
  if (typeof value === "string") return value;
  throw new UserError(
    `${table.path}, row ${index + 1}: "${column}" is ${
      JSON.stringify(value) ?? "missing"
    }, expected a text`,
  );
}

/** Characters as Python counts them: code points. */
function characterCount(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
