import { UserError } from "../errors.ts";
import type { JsonObject } from "../formats/hf_config.ts";
import type { ChatTemplate } from "./chat_template.ts";
import { type ChatMessage, isConversation } from "./messages.ts";

/** Texts or conversations of a row in one of TRL's formats, by the names of its columns. */
export interface TrlRow {
  /** Text or messages to be continued. */
  prompt?: string | ChatMessage[];
  /** Continuation of the prompt. */
  completion?: string | ChatMessage[];
  /** Whole conversation. */
  messages?: ChatMessage[];
  /** Whole text. */
  text?: string;
  /** Better continuation; without a prompt, with what both have in common. */
  chosen?: string | ChatMessage[];
  /** Worse continuation. */
  rejected?: string | ChatMessage[];
  /** Tools for the template. */
  tools?: readonly unknown[] | null;
  /** Further variables of the template. */
  chat_template_kwargs?: JsonObject | null;
}

/** A row as texts. */
export type TrlTexts = Partial<
  Record<"prompt" | "completion" | "text" | "chosen" | "rejected", string>
>;

/**
 * Takes the prompt of a preference out of its two continuations, where it is not a column of its own:
 * their longest common beginning, in messages or in characters (TRL's `maybe_extract_prompt`). A space
 * before the first difference stays with the continuations.
 */
export function extractPrompt(row: TrlRow): TrlRow {
  const { prompt, chosen, rejected } = row;
  if (chosen === undefined || rejected === undefined) return row;
  if (prompt !== undefined && isConversation(chosen) === isConversation(prompt)) return row;
  if (typeof chosen === "string" && typeof rejected === "string") {
    const [a, b] = [Array.from(chosen), Array.from(rejected)];
    const end = firstDifference(a, b);
    const cut = end > 0 && end < Math.min(a.length, b.length) && a[end - 1] === " " ? end - 1 : end;
    return {
      ...row,
      prompt: a.slice(0, cut).join(""),
      chosen: a.slice(cut).join(""),
      rejected: b.slice(cut).join(""),
    };
  }
  // A text and a conversation, or neither, have no beginning in common.
  if (!isConversation(chosen) || !isConversation(rejected)) return row;
  const [a, b] = [chosen, rejected];
  const end = firstDifference(
    a.map((turn) => JSON.stringify(turn)),
    b.map((turn) => JSON.stringify(turn)),
  );
  return { ...row, prompt: a.slice(0, end), chosen: a.slice(end), rejected: b.slice(end) };
}

/** Index of the first difference; where one list begins the other, that of its last item, as in TRL. */
function firstDifference(a: readonly string[], b: readonly string[]): number {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) if (a[i] !== b[i]) return i;
  return Math.max(0, common - 1);
}

/** Tells whether a row has conversations, which a template has to make texts of. */
export function isConversational(row: TrlRow): boolean {
  const { prompt, chosen, rejected, completion, messages } = row;
  return [prompt, chosen, rejected, completion, messages].some(isConversation);
}

/**
 * Makes texts of a row's conversations (TRL's `maybe_apply_chat_template`): a prompt ends with the
 * beginning of an answer, or where its last message ends if that is the assistant's; a continuation is
 * what the template writes after it. Where the template writes a prompt otherwise once it is answered,
 * the prompt is what both have in common.
 *
 * @throws {UserError} when the template refuses the messages, or the last message of a prompt is not a
 *   user's, a tool's or the assistant's
 */
export function renderRow(row: TrlRow, template: Pick<ChatTemplate, "render">): TrlTexts {
  if (!isConversational(row)) return row as TrlTexts;
  const options = { tools: row.tools ?? null, variables: row.chat_template_kwargs ?? {} };
  const { messages, prompt } = row;
  if (messages !== undefined) return { text: template.render(messages, options) };
  const kinds = (["completion", "chosen", "rejected"] as const).filter((kind) =>
    row[kind] !== undefined
  );
  const before = (prompt ?? []) as ChatMessage[];
  const wholes = kinds.map((kind) =>
    template.render([...before, ...row[kind] as ChatMessage[]], options)
  );
  if (prompt === undefined) return Object.fromEntries(kinds.map((kind, i) => [kind, wholes[i]]));
  const ending = endingOf(before);
  const alone = template.render(before, { ...options, ...ending });
  const start = Math.min(alone.length, ...wholes.map((whole) => commonLength(alone, whole)));
  return {
    prompt: alone.slice(0, start),
    ...Object.fromEntries(kinds.map((kind, i) => [kind, wholes[i].slice(start)])),
  };
}

/** Options that end a prompt, by its last message. */
export function endingOf(
  prompt: readonly ChatMessage[],
): { addGenerationPrompt: true } | { continueFinalMessage: true } {
  const role = prompt.at(-1)?.role;
  if (role === "user" || role === "tool") return { addGenerationPrompt: true };
  if (role === "assistant") return { continueFinalMessage: true };
  throw new UserError(
    `the last message of a prompt has the role ${
      JSON.stringify(role ?? null)
    }, expected "user", "tool" or "assistant"`,
  );
}

/** Length of the longest common beginning of two texts. */
function commonLength(a: string, b: string): number {
  const longest = Math.min(a.length, b.length);
  let length = 0;
  while (length < longest && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
