import { UserError } from "../errors.ts";
import { shortJson } from "../visible_text.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { type ChatMessage, isConversation } from "./messages.ts";
import { findColumn, type Table } from "./table.ts";
import {
  endingOf,
  extractPrompt,
  isConversational,
  renderRow,
  type TrlRow,
  type TrlTexts,
} from "./trl_rows.ts";

/** Kinds of datasets: dialogues with summaries, or one of TRL's by the names of its columns. */
export type RowKind =
  | "dialogue"
  | "prompt"
  | "prompt-completion"
  | "messages"
  | "text"
  | "preference";

/** Row of a table. */
export interface TableRow {
  /** Number of the row, from 0. */
  readonly row: number;
  /** Values by column. */
  readonly columns: Readonly<Record<string, unknown>>;
}

/** Form of the rows of a dataset. */
export interface RowFormat {
  readonly kind: RowKind;
  /** True where a chat template writes the texts, and with them the special tokens. */
  readonly rendered: boolean;
  /** Column of the reference responses, for messages; null where there is none. */
  readonly referenceColumn: string | null;
  /** Checks a row. @throws {UserError} when it lacks what the format needs */
  check(row: TableRow): void;
  /** Text that a policy continues. @throws {UserError} when the kind has none */
  prompt(row: TableRow): string;
  /** Reference response; null where the row has none. */
  reference(row: TableRow): string | null;
  /**
   * Text that a decoder-only model learns, prompt and response together.
   *
   * @param end text of the end token, which ends a response that no template has written
   * @throws {UserError} when there is no response to learn
   */
  whole(row: TableRow, end: string): string;
  /** Texts of a row by TRL's columns. @throws {UserError} when the template refuses the messages */
  texts(row: TableRow): TrlTexts;
  /** Conversation that `whole` renders; null for texts. */
  conversation(row: TableRow): ChatMessage[] | null;
}

/** Tells whether rows have a prompt and, apart from it, what follows. */
export function hasCompletions({ kind }: RowFormat): boolean {
  return kind === "dialogue" || kind === "prompt-completion";
}

/** Columns of TRL's formats that may hold a conversation. */
const TRL_COLUMNS = ["prompt", "completion", "messages", "chosen", "rejected", "text"] as const;

/** Finds the kind of a table by its columns; null where they are none of TRL's. */
export function trlKind(columns: readonly string[]): RowKind | null {
  const has = (...names: string[]) => names.every((name) => columns.includes(name));
  if (has("messages") || has("conversations")) return "messages";
  if (has("chosen", "rejected")) return "preference";
  if (has("prompt", "completion")) return "prompt-completion";
  if (has("prompt")) return "prompt";
  return has("text") ? "text" : null;
}

/**
 * Format of a table in one of TRL's formats.
 *
 * @param template the model's, loaded where the first row has a conversation
 */
export async function trlFormat(
  table: Table,
  kind: RowKind,
  template: () => Promise<ChatTemplate>,
): Promise<RowFormat> {
  for (const name of [...NEEDED[kind], ...OPTIONAL]) findColumn(table, [name]);
  const [first] = table.rows;
  const rendered = kind === "messages" || first !== undefined && isConversational(trlRow(first));
  return rendered
    ? new ConversationFormat(table.path, kind, await template())
    : new TextFormat(table.path, kind);
}

/** Takes TRL's columns from a row, conversations in older forms included. */
function trlRow(columns: Readonly<Record<string, unknown>>): TrlRow {
  const row: Record<string, unknown> = { ...columns };
  if (row.messages === undefined && row.conversations !== undefined) {
    row.messages = row.conversations;
  }
  for (const name of TRL_COLUMNS) if (row[name] !== undefined) row[name] = conversation(row[name]);
  return extractPrompt({ ...row, ...templateVariables(columns) } as TrlRow);
}

/** Takes the template's variables from a row: CSV has them as JSON, or as an empty text for none. */
function templateVariables(columns: Readonly<Record<string, unknown>>): JsonObject {
  const { tools = null, chat_template_kwargs: variables = null } = columns;
  return { tools: fromJson(tools), chat_template_kwargs: fromJson(variables) };
}

/** Value of a cell with JSON; another value stays. */
function fromJson(value: unknown): unknown {
  if (value === "") return null;
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** ShareGPT's names for roles. */
const ROLES: Readonly<Record<string, string>> = { human: "user", gpt: "assistant" };

/** Beginning of a list of objects in JSON. */
const LIST = /^\s*\[\s*\{/;
/** Beginning of a conversation as Python prints it, which pandas writes into CSV. */
const PYTHON_LIST = /^\s*\[\s*\{\s*'(?:role|content|from|value)'\s*:/;

/** Conversation of a cell: JSON in CSV, `from` and `value` in ShareGPT's form; another value stays. */
function conversation(value: unknown): unknown {
  const list = typeof value === "string" && LIST.test(value) ? fromJson(value) : value;
  if (!Array.isArray(list)) return value;
  const turns = typeof Object(list[0]).from !== "string" ? list : list.map((turn) => {
    const { from, value: content, ...rest } = Object(turn);
    return { role: ROLES[from] ?? from, content, ...rest };
  });
  // A text may only look like JSON.
  return list === value || isConversation(turns) ? turns : value;
}

/** Refuses a text that is a conversation as Python prints it: a model would learn the brackets. */
function refusePrinted(path: string, row: TableRow, name: string, value: unknown): void {
  if (typeof value !== "string" || !PYTHON_LIST.test(value)) return;
  throw unfit(
    path,
    row,
    `"${name}" is a conversation as Python prints it: save it as JSON, or the table as JSONL or Parquet`,
  );
}

function unfit(path: string, { row }: TableRow, problem: string): UserError {
  return new UserError(`${path}, row ${row + 1}: ${problem}`);
}

/** Columns that each kind needs. */
const NEEDED: Readonly<Record<RowKind, readonly (keyof TrlRow)[]>> = {
  dialogue: [],
  prompt: ["prompt"],
  "prompt-completion": ["prompt", "completion"],
  messages: ["messages"],
  text: ["text"],
  preference: ["chosen", "rejected", "prompt"],
};

/** Columns that change what a row says where they are there. */
const OPTIONAL = ["conversations", "label", "tools", "chat_template_kwargs"] as const;

/** Column of a kind's reference responses. */
const REFERENCES: Partial<Record<RowKind, string>> = {
  "prompt-completion": "completion",
  messages: "messages",
};

/** TRL's formats with plain texts. */
class TextFormat implements RowFormat {
  readonly rendered = false;
  readonly referenceColumn: string | null;

  constructor(private readonly path: string, readonly kind: RowKind) {
    this.referenceColumn = REFERENCES[kind] ?? null;
  }

  check(row: TableRow): void {
    const texts = trlRow(row.columns);
    for (const name of NEEDED[this.kind]) {
      // A model has to read something first; of preferences, rows without a prompt are left out.
      refusePrinted(this.path, row, name, texts[name]);
      const isEmpty = name === "prompt" && texts[name] === "" && this.kind !== "preference";
      if (isEmpty) throw unfit(this.path, row, "the prompt is empty: leave the row out");
      if (typeof texts[name] === "string") continue;
      const expected = isConversation(texts[name]) ? "a text as in the first row" : "a text";
      throw unfit(this.path, row, `"${name}" is ${shortJson(texts[name])}, expected ${expected}`);
    }
  }

  prompt({ columns }: TableRow): string {
    if (this.kind !== "text") return trlRow(columns).prompt as string;
    throw new UserError(
      `${this.path} has texts to learn, but no prompts: expected a column "prompt" or "messages", or ` +
        "the column of the texts to respond to as `dialogueColumn`",
    );
  }

  reference({ columns }: TableRow): string | null {
    const { completion } = trlRow(columns);
    return typeof completion === "string" ? completion : null;
  }

  whole(row: TableRow, end: string): string {
    const { prompt = "", completion, text } = trlRow(row.columns);
    const learnt = this.kind === "text" ? text : completion;
    if (typeof learnt !== "string") throw noResponse(this.path);
    return prompt + (learnt.endsWith(end) ? learnt : learnt + end);
  }

  texts({ columns }: TableRow): TrlTexts {
    return trlRow(columns) as TrlTexts;
  }

  conversation(): null {
    return null;
  }
}

/** TRL's formats with conversations. */
class ConversationFormat implements RowFormat {
  readonly rendered = true;
  readonly referenceColumn: string | null;

  constructor(
    private readonly path: string,
    readonly kind: RowKind,
    private readonly template: ChatTemplate,
  ) {
    this.referenceColumn = REFERENCES[kind] ?? null;
  }

  check(row: TableRow): void {
    const texts = trlRow(row.columns);
    for (const name of NEEDED[this.kind]) {
      if (isConversation(texts[name]) || name === "prompt" && isEmptyList(texts.prompt)) continue;
      refusePrinted(this.path, row, name, texts[name]);
      const expected = 'a list of messages ({"role": …, "content": …})';
      throw unfit(this.path, row, `"${name}" is ${shortJson(texts[name])}, expected ${expected}`);
    }
    const { tools = null, chat_template_kwargs: variables = null } = texts;
    if (tools !== null && !Array.isArray(tools)) {
      throw unfit(
        this.path,
        row,
        `"tools" is ${shortJson(tools)}, expected a list of JSON schemas`,
      );
    }
    if (variables !== null && (typeof variables !== "object" || Array.isArray(variables))) {
      const found = shortJson(variables);
      throw unfit(this.path, row, `"chat_template_kwargs" is ${found}, expected an object`);
    }
  }

  prompt(row: TableRow): string {
    const { before } = this.#parts(row);
    return this.#render(
      row,
      () => this.template.renderPrompt(before, { ...optionsOf(row), ...endingOf(before) }),
    );
  }

  reference(row: TableRow): string | null {
    const content = this.#parts(row).answer?.content;
    return typeof content === "string" ? content : null;
  }

  whole(row: TableRow): string {
    if (this.kind === "prompt" || this.kind === "preference") throw noResponse(this.path);
    const texts = this.texts(row);
    return texts.text ?? texts.prompt! + texts.completion!;
  }

  texts(row: TableRow): TrlTexts {
    const { prompt, ...rest } = trlRow(row.columns);
    // Answers that begin differently have no prompt.
    const texts = isEmptyList(prompt) ? rest : { prompt, ...rest };
    return this.#render(row, () => renderRow(texts, this.template));
  }

  conversation({ columns }: TableRow): ChatMessage[] {
    const { messages, prompt = [], completion = [] } = trlRow(columns);
    return messages ?? [...prompt, ...completion] as ChatMessage[];
  }

  /** A prompt's messages, and the answer to them. */
  #parts({ columns }: TableRow): { before: ChatMessage[]; answer: ChatMessage | undefined } {
    const { messages, prompt, completion } = trlRow(columns);
    if (messages === undefined) {
      return { before: prompt as ChatMessage[], answer: (completion as ChatMessage[])?.[0] };
    }
    const last = messages.findLastIndex(({ role }) => role === "assistant");
    return last < 1
      ? { before: messages, answer: undefined }
      : { before: messages.slice(0, last), answer: messages[last] };
  }

  /** Says which row the template fails on. */
  #render<Result>(row: TableRow, render: () => Result): Result {
    try {
      return render();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw unfit(this.path, row, error.message);
    }
  }
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** A row's variables of the template. */
export function optionsOf({ columns }: TableRow): Parameters<ChatTemplate["render"]>[1] {
  const { tools, chat_template_kwargs } = templateVariables(columns) as TrlRow;
  return { tools: tools ?? null, variables: chat_template_kwargs ?? {} };
}

function noResponse(path: string): UserError {
  return new UserError(
    `${path} has prompts, but no responses to learn: expected a column "completion", "messages" or "text"`,
  );
}
