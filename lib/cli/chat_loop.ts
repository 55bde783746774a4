import { UserError } from "../errors.ts";
import type { ChatMessage } from "../data/messages.ts";

/** A model that continues conversations. */
export interface ChatPartner {
  /**
   * Answers the last message of a conversation.
   *
   * @param hooks.onText called with each piece of the answer as it comes
   * @param hooks.signal stops the answer, which then ends with what has come
   * @returns the whole answer
   * @throws {UserError} when the conversation cannot be continued
   */
  answer(
    messages: readonly ChatMessage[],
    hooks: { onText(text: string): void; signal: AbortSignal },
  ): Promise<string>;
}

/** Place where a conversation is held: a terminal, or a pipe. */
export interface ChatPlace {
  /** True where a person holds the conversation. */
  readonly interactive: boolean;
  /** Reads the next line of the user; null at the end. */
  nextLine(): Promise<string | null>;
  /** Writes a piece of an answer. */
  writeAnswer(text: string): void;
  /** Ends an answer. */
  endAnswer(): void;
  /** Writes a notice for people. */
  note(text: string): void;
  /**
   * Tells about what the model cannot continue.
   *
   * @throws {UserError} the same, where nobody is there who could say something else
   */
  refuse(error: UserError): void;
  /** Signal that stops the answer which begins now. */
  answering(): AbortSignal & Disposable;
}

/** Commands of a conversation, by what they do. */
const COMMANDS: readonly (readonly [command: string, purpose: string])[] = [
  ["/reset", "start a new conversation"],
  ["/system TEXT", "set the system prompt, and start a new conversation"],
  ["/system", "show the system prompt"],
  ["/help", "show these commands"],
  ["/exit", "leave, as Ctrl-D does"],
];

/**
 * Holds a conversation: each line of the user is answered, with the lines and answers before it in
 * mind, until the lines end or one of them is `/exit`.
 *
 * @param system system prompt; null for none
 * @returns the messages of the last conversation
 */
export async function holdChat(
  partner: ChatPartner,
  place: ChatPlace,
  system: string | null,
): Promise<ChatMessage[]> {
  const begin = (): ChatMessage[] => system === null ? [] : [{ role: "system", content: system }];
  let messages = begin();
  for (let line; (line = await place.nextLine()) !== null;) {
    const text = line.trim();
    if (text === "") continue;
    // A path is no command.
    const [, command, rest = ""] = /^\/([a-z]+)(?:\s+(.*))?$/s.exec(text) ?? [];
    if (command === undefined) {
      messages = await turn(partner, place, messages, text);
    } else if (command === "exit") {
      break;
    } else if (command === "reset") {
      messages = begin();
      place.note("the conversation starts anew");
    } else if (command === "system" && rest !== "") {
      system = rest;
      messages = begin();
      place.note("the conversation starts anew with this system prompt");
    } else if (command === "system") {
      place.note(system ?? "there is no system prompt: /system TEXT sets one");
    } else if (command === "help") {
      const width = Math.max(...COMMANDS.map(([name]) => name.length));
      place.note(COMMANDS.map(([name, does]) => `${name.padEnd(width)}  ${does}`).join("\n"));
    } else {
      place.note(`there is no command /${command}: /help shows them`);
    }
  }
  return messages;
}

/** Answers a message. @returns the conversation with both; without them where there was no answer */
async function turn(
  partner: ChatPartner,
  place: ChatPlace,
  messages: ChatMessage[],
  text: string,
): Promise<ChatMessage[]> {
  const asked: ChatMessage[] = [...messages, { role: "user", content: text }];
  using signal = place.answering();
  try {
    const answer = await partner.answer(asked, {
      onText: (part) => place.writeAnswer(part),
      signal,
    });
    place.endAnswer();
    // An answer that was stopped before its first word was never given.
    if (answer === "" && signal.aborted) return messages;
    return [...asked, { role: "assistant", content: answer }];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    place.refuse(error);
    return messages;
  }
}
