import { UserError } from "../errors.ts";
import type { ChatOptions, ChatTemplate } from "./chat_template.ts";
import type { ChatMessage } from "./messages.ts";
import { strip } from "./python_text.ts";

/** Part of a text, in UTF-16 units. */
export type TextSpan = readonly [start: number, end: number];

/**
 * Finds what the assistant says in a conversation's text: the template's `{% generation %}` blocks, or
 * where it has none, what it writes between the beginning of an answer and the next message.
 *
 * @param text whole conversation as the template writes it
 * @throws {UserError} when the template writes a turn in several forms, so that it cannot be found
 */
export function assistantSpans(
  messages: readonly ChatMessage[],
  text: string,
  template: ChatTemplate,
  options: ChatOptions = {},
): TextSpan[] {
  if (template.marksGeneration) return template.renderGenerated(messages, options).generated;
  return messages.flatMap(({ role }, turn) =>
    role === "assistant" ? [turnSpan(messages, turn, text, template, options)] : []
  );
}

function turnSpan(
  messages: readonly ChatMessage[],
  turn: number,
  text: string,
  template: ChatTemplate,
  options: ChatOptions,
): TextSpan {
  const before = messages.slice(0, turn);
  // Templates may refuse a conversation of no messages.
  const start = turn === 0
    ? ""
    : template.render(before, { ...options, addGenerationPrompt: true });
  const until = template.render(messages.slice(0, turn + 1), options);
  if (text.startsWith(start)) {
    if (text.startsWith(until)) return [start.length, until.length];
    // The last turn may be written otherwise than earlier ones, such as with its reasoning.
    const content = messages[turn].content;
    if (typeof content === "string") {
      const said = strip(content);
      const closing = until.slice(until.lastIndexOf(said) + said.length);
      const end = text.indexOf(said + closing, start.length);
      if (end >= 0) return [start.length, end + said.length + closing.length];
    }
  }
  throw new UserError(
    "the chat template writes the assistant's turns in different ways: give one that marks them with " +
      "{% generation %} as `chatTemplate`",
  );
}
