import { UserError } from "../errors.ts";
import { ChatTemplate } from "./chat_template.ts";
import {
  DEFAULT_PROMPT,
  DialogueFormat,
  type DialogueOptions,
  noColumn,
  noText,
} from "./dialogue_format.ts";
import {
  type LabelledAnswers,
  labelledAnswers,
  PreferencePairs,
  type RowSource,
} from "./preference_pairs.ts";
import { hasCompletions, type RowFormat, type TableRow, trlFormat, trlKind } from "./row_format.ts";
import { findSplitFiles } from "./split_files.ts";
import { findColumn, readParts, type Table } from "./table.ts";
import type { TokenCache } from "./token_cache.ts";
import { TokenizedTexts } from "./tokenized_texts.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { type SequenceOptions, TrainingSequences } from "./training_sequences.ts";

/** Column of dialogues; a table without it may be in one of TRL's formats. */
const DEFAULT_COLUMN = "dialogue";

/** Options for making prompts of rows, under the names of a run's settings. */
export interface DatasetOptions extends Partial<DialogueOptions> {
  /** Chat template of the model, or a function that loads it, for rows with conversations. */
  template?: ChatTemplate | (() => Promise<ChatTemplate>) | null;
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
    private readonly rows: readonly TableRow[],
    private readonly source: SplitSource,
  ) {}

  /** Number of rows. */
  get length(): number {
    return this.rows.length;
  }

  /** Tells whether rows have prompts; texts to learn as a whole have none. */
  get hasPrompts(): boolean {
    return this.source.format.kind !== "text";
  }

  /** Tokens of the prompts. @throws UserError when rows have none */
  get prompts(): TokenizedTexts {
    const { format, tokenizer, cache } = this.source;
    return this.#prompts ??= new TokenizedTexts(
      this.rows.map((row) => format.prompt(row)),
      tokenizer,
      { name: `${this.name} prompts`, addSpecialTokens: !format.rendered, cache },
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
      this.rows.map((row) => this.#reference(row)),
      this.source.tokenizer,
      { name: `${this.name} summaries`, maxLength, cache: this.source.cache },
    );
  }

  /**
   * Returns the rows as sequences for the supervised training of a decoder-only model.
   *
   * @throws UserError when a row has nothing to learn
   */
  sequences(options: SequenceOptions): TrainingSequences {
    const { format, tokenizer, cache, template } = this.source;
    if (format.kind === "dialogue") this.rows.forEach((row) => this.#reference(row));
    // Rendering prompts that nobody asks for takes time.
    const prompts = hasCompletions(format) ? this.prompts : null;
    const own = { name: this.name, cache };
    return new TrainingSequences(format, this.rows, tokenizer, prompts, template, options, own);
  }

  /**
   * Returns the rows as preference pairs.
   *
   * @param needsPrompts leave rows out whose answers have no prompt. Default true
   * @throws UserError when rows are no pairs, or none has a preference
   */
  pairs(needsPrompts = true): PreferencePairs {
    return new PreferencePairs(this.#rowSource, needsPrompts);
  }

  /**
   * Returns the rows as answers that were liked or not; pairs are taken apart.
   *
   * @throws UserError when rows have no labels, or one is not true or false
   */
  answers(): LabelledAnswers {
    return labelledAnswers(this.#rowSource);
  }

  get #rowSource(): RowSource {
    return { ...this.source, rows: this.rows, name: this.name };
  }

  /** Reference of a row that must have one. */
  #reference(row: TableRow): string {
    const { format, path } = this.source;
    const reference = format.reference(row);
    if (reference !== null) return reference;
    const column = format.referenceColumn;
    if (column === null) {
      const wanted = format instanceof DialogueFormat ? format.wantedReference : "completion";
      throw noColumn(path, wanted, Object.keys(row.columns), "summaryColumn");
    }
    throw noText(path, row, column);
  }

  /** Makes the example of a row. */
  private toExample(index: number): Example {
    const { format, tokenizer } = this.source;
    const row = this.rows[index];
    const inputIds = this.prompts.ids(index);
    const id = row.columns.id ?? row.columns.fname ?? row.row;
    return {
      id: typeof id === "object" ? JSON.stringify(id) : String(id),
      query: tokenizer.decode(inputIds),
      inputIds,
      summary: format.reference(row) ?? "",
      columns: row.columns,
    };
  }
}

/** Common parts of the splits of a dataset. */
interface SplitSource {
  path: string;
  format: RowFormat;
  tokenizer: Tokenizer;
  cache: TokenCache | null;
  /** Template of conversations; null for texts. */
  template: ChatTemplate | null;
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
 * Reads a dataset and makes prompts of its rows.
 *
 * Dialogues, as DialogSum's: the columns are id, dialogue, summary and topic, or those of `options`;
 * rows are filtered by length in characters, and the template is filled in. As in the original DialogSum
 * files, `fname` will do for the id and `summary1` (the first of several references) for the summary.
 *
 * Otherwise TRL's formats, by their columns: `messages` (or ShareGPT's `conversations`), `prompt` and
 * `completion`, `prompt`, `text`, or `chosen` and `rejected`; texts or lists of messages, of which
 * the chat template makes texts.
 *
 * Prompts need no references: those that are missing are noticed where they are asked for, in
 * {@linkcode DatasetSplit.labels}.
 *
 * @param path a .csv, .json, .jsonl or .parquet file, whose last fifth becomes the test split; or a
 * folder with files for each split (train, validation or dev, test), named as on the Hub ({@linkcode
 * findSplitFiles}), where a train split without a test split is divided the same way
 * @throws UserError when a file or column is missing, the filter leaves nothing, or a conversation has
 * no template.
 */
export async function loadDataset(
  path: string,
  tokenizer: Tokenizer,
  options: DatasetOptions = {},
): Promise<Dataset> {
  const { template = null, cache = null, ...dialogue } = options;
  const settings: DialogueOptions = {
    dialogueColumn: DEFAULT_COLUMN,
    summaryColumn: "summary",
    inputMinTextLength: 200,
    inputMaxTextLength: 1000,
    prompt: DEFAULT_PROMPT,
    ...dialogue,
  };
  let loaded: ChatTemplate | null = null;
  const loadTemplate = async () => loaded ??= await requireTemplate(path, template);
  const splits = new Map<string, DatasetSplit>();
  const files = await findSplitFiles(path);
  let [kept, total] = [0, 0];
  for (const [name, parts] of files) {
    const table = await readParts(parts);
    const format = await formatOf(table, settings, loadTemplate);
    const rows = selectRows(table, format);
    kept += rows.length;
    total += table.rows.length;
    const features = [...table.columns, "input_ids", "query"];
    const source = { path: table.path, format, tokenizer, cache, template: loaded };
    const add = (split: string, part: TableRow[]) =>
      splits.set(split, new DatasetSplit(split, features, part, source));
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

async function requireTemplate(
  path: string,
  template: DatasetOptions["template"],
): Promise<ChatTemplate> {
  if (template instanceof ChatTemplate) return template;
  if (template) return await template();
  throw new UserError(`${path} has conversations: turning them into text needs a chat template`);
}

/** Format of a table: dialogues where it has their column, else one of TRL's. */
async function formatOf(
  table: Table,
  settings: DialogueOptions,
  template: () => Promise<ChatTemplate>,
): Promise<RowFormat> {
  const kind = trlKind(table.columns);
  const dialogues = findColumn(table, [settings.dialogueColumn]) !== null;
  return dialogues || kind === null || settings.dialogueColumn !== DEFAULT_COLUMN
    ? new DialogueFormat(table, settings)
    : await trlFormat(table, kind, template);
}

/** Rows that the format takes. */
function selectRows(table: Table, format: RowFormat): TableRow[] {
  const rows = table.rows.map((columns, row) => ({ row, columns }));
  for (const row of rows) format.check(row);
  const kept = format instanceof DialogueFormat ? rows.filter((row) => format.takes(row)) : rows;
  if (rows.length === 0) throw new UserError(`${table.path} has no rows`);
  if (kept.length > 0) return kept;
  throw (format as DialogueFormat).nothingLeft(rows.length);
}

/**
 * Number of rows of the test split, as `train_test_split(test_size=0.2)` in Hugging Face's
 * datasets.
 */
function testCount(path: string, count: number): number {
  if (count < 2) {
    throw new UserError(
      `${path} leaves ${count} row after the filter: splitting it into train and test needs 2`,
    );
  }
  return Math.ceil(0.2 * count);
}
