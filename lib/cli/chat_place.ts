import { createInterface } from "node:readline";
import process from "node:process";
import type { UserError } from "../errors.ts";
import { decodeUtf8 } from "../formats/utf8.ts";
import type { ChatPlace } from "./chat_loop.ts";
import { printData, printError, terminal } from "./terminal.ts";

/** Prompt for the user's lines. */
const PROMPT = "> ";

/**
 * The place of a conversation: the terminal, where both standard input and output are one, else the
 * lines of standard input.
 *
 * @param silent answers are not written as they come
 */
export function chatPlace(silent: boolean): ChatPlace {
  const isTerminal = Deno.stdin.isTerminal() && terminal("stdout").interactive;
  return isTerminal && !silent ? new ChatTerminal() : new ChatPipe(silent);
}

/** Lines of standard input: each is a message, and the answers go to standard output. */
export class ChatPipe implements ChatPlace {
  readonly interactive = false;
  readonly #lines: AsyncIterator<string>;

  /** @param silent answers are not written as they come */
  constructor(private readonly silent: boolean, lines: AsyncIterable<string> = standardLines()) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  async nextLine(): Promise<string | null> {
    const { value, done } = await this.#lines.next();
    return done ? null : value;
  }

  writeAnswer(text: string): void {
    if (!this.silent) printData(text);
  }

  endAnswer(): void {
    if (!this.silent) printData("\n");
  }

  note(text: string): void {
    if (!this.silent) printError(text);
  }

  refuse(error: UserError): void {
    throw error;
  }

  answering(): AbortSignal & Disposable {
    return Object.assign(new AbortController().signal, { [Symbol.dispose]() {} });
  }
}

/** A person at a terminal: Ctrl-C stops an answer, Ctrl-D leaves. */
export class ChatTerminal implements ChatPlace {
  readonly interactive = true;
  /** Lines of before, which the arrow keys bring back; the latest first. */
  #history: string[] = [];

  nextLine(): Promise<string | null> {
    // One for each line: while an answer comes, Ctrl-C is to be a signal.
    const reader = createInterface({
      input: process.stdin,
      output: process.stdout,
      history: this.#history,
      prompt: PROMPT,
    });
    return new Promise((resolve) => {
      let line: string | null = null;
      reader.on("history", (history: string[]) => this.#history = history);
      reader.on("SIGINT", () => {
        // As in a shell, what was typed is dropped.
        reader.write(null, { ctrl: true, name: "e" });
        reader.write(null, { ctrl: true, name: "u" });
        printError("\nCtrl-D or /exit leaves");
        reader.prompt();
      });
      reader.on("line", (text: string) => {
        line = text;
        reader.close();
      });
      reader.on("close", () => {
        if (line === null) printData("\n");
        resolve(line);
      });
      reader.prompt();
    });
  }

  writeAnswer(text: string): void {
    printData(text);
  }

  endAnswer(): void {
    printData("\n\n");
  }

  note(text: string): void {
    printError(`${text}\n`);
  }

  refuse({ message }: UserError): void {
    printError(`error: ${message}\n`);
  }

  answering(): AbortSignal & Disposable {
    const controller = new AbortController();
    const stop = () => controller.abort();
    Deno.addSignalListener("SIGINT", stop);
    return Object.assign(controller.signal, {
      [Symbol.dispose]: () => Deno.removeSignalListener("SIGINT", stop),
    });
  }
}

/**
 * Lines of standard input, as they come.
 *
 * @throws {UserError} when one is not UTF-8
 */
async function* standardLines(): AsyncGenerator<string> {
  const NEWLINE = 0x0a;
  let rest = new Uint8Array();
  let count = 0;
  const decode = (bytes: Uint8Array) =>
    decodeUtf8(`line ${++count} of standard input`, bytes).replace(/\r$/, "");
  for await (const part of Deno.stdin.readable) {
    let bytes = new Uint8Array([...rest, ...part]);
    for (let end; (end = bytes.indexOf(NEWLINE)) >= 0; bytes = bytes.subarray(end + 1)) {
      yield decode(bytes.subarray(0, end));
    }
    rest = bytes;
  }
  if (rest.length > 0) yield decode(rest);
}
