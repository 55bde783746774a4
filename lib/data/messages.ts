import { UserError } from "../errors.ts";

/** Message of a conversation, as transformers and TRL have it. */
export interface ChatMessage {
  /** Speaker: `system`, `user`, `assistant`, or another that the model's template knows. */
  role: string;
  /** Text; for templates that know them, parts such as `{ type: "text", text: "Hello" }`; null beside tool calls. */
  content?: string | readonly ContentPart[] | null;
  /** Further entries for the template, such as `tool_calls`. */
  [entry: string]: unknown;
}

/** Part of a message. */
export interface ContentPart {
  /** Kind of the part: `text`. */
  type: string;
  /** Text of a part of the kind `text`. */
  text?: string;
  /** Further entries for the template. */
  [entry: string]: unknown;
}

/** Tells whether a value is a conversation: a list of objects with a role, as TRL's `is_conversational` asks. */
export function isConversation(value: unknown): value is ChatMessage[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((message) => typeof Object(message).role === "string");
}

/**
 * Text of the last message that can be continued: of several parts, the last one with a text.
 *
 * @throws {UserError} when there is none
 */
export function finalText(messages: readonly ChatMessage[]): string {
  const content = messages.at(-1)?.content;
  const text = Array.isArray(content)
    ? content.findLast((part) => typeof Object(part).text === "string")?.text
    : content;
  if (typeof text === "string") return text;
  throw new UserError("`continueFinalMessage` needs a last message with a text");
}
