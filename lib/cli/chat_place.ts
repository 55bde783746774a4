import process from "node:process";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import type { UserError } from "../errors.ts";
import { decodeUtf8 } from "../formats/utf8.ts";
import type { ChatPlace } from "./chat_loop.ts";
import { BRACKETED_PASTE, PastedLines, withLineBreaks } from "./pasted_lines.ts";
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

/** A person at a terminal: Ctrl-C stops an answer, Ctrl-D leaves, a pasted text is one message. */
export class ChatTerminal implements ChatPlace {
  readonly interactive = true;
  /** Lines of before, which the arrow keys bring back; the latest first. */
  #history: string[] = [];
  /** Further lines that came with the last one, of a terminal that does not mark what is pasted. */
  #waiting: string[] = [];
  /** Beginning of a line that came with the last one. */
  #begun = "";
  readonly #pasted = new PastedLines();

  async nextLine(): Promise<string | null> {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      printData(`${PROMPT}${waiting}\n`);
      return waiting;
    }
    const [line = null, ...others] = await this.#edit();
    this.#waiting = others;
    return line;
  }

  /** Lets the user edit a line. @returns the lines that came at once; none at the end */
  #edit(): Promise<string[]> {
    const { stdin, stdout } = process;
    const out = terminal("stdout");
    const input = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (isRaw: boolean) => stdin.setRawMode(isRaw),
    });
    const onData = (bytes: Uint8Array) => input.write(this.#pasted.filter(bytes));
    stdin.on("data", onData).resume();
    // One for each line: while an answer comes, Ctrl-C is to be a signal.
    const reader = createInterface({
      input,
      output: stdout,
      terminal: true,
      history: this.#history,
      prompt: PROMPT,
    });
    out.draw(BRACKETED_PASTE.on);
    return new Promise((resolve) => {
      const lines: string[] = [];
      reader.on("history", (history: string[]) => this.#history = history);
      reader.on("SIGINT", () => {
        // As in a shell, what was typed is dropped.
        reader.write(null, { ctrl: true, name: "e" });
        reader.write(null, { ctrl: true, name: "u" });
        printError("\nCtrl-D or /exit leaves");
        reader.prompt();
      });
      reader.on("line", (text: string) => {
        // What came with the line is still to be read.
        if (lines.push(withLineBreaks(text)) === 1) setImmediate(() => reader.close());
      });
      reader.on("close", () => {
        this.#begun = lines.length > 0 ? reader.line : "";
        stdin.off("data", onData);
        stdin.pause();
        out.draw(BRACKETED_PASTE.off + (lines.length === 0 ? "\n" : ""));
        resolve(lines);
      });
      reader.prompt();
      if (this.#begun !== "") reader.write(this.#begun);
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
