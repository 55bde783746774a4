import { UserError } from "../errors.ts";
import { ioReason } from "../platform/io_error.ts";
import { visibleText } from "../visible_text.ts";

/** Output stream. */
export interface Terminal {
  /** True for a terminal, false for a file or a pipe. */
  interactive: boolean;
  /** True where escape sequences for color are supported and wanted. */
  color: boolean;
  /** Number of columns. */
  width: number;
  /** Writes a text of one or more lines; control characters in it are shown as symbols. */
  write(text: string): void;
  /**
   * Writes a text unchanged, with the program's own colors and movements of the cursor: what comes
   * from outside has to go through `visibleLine` before.
   */
  draw(text: string): void;
}

/** Columns where there is no terminal. */
const DEFAULT_WIDTH = 100;

/**
 * Standard output or standard error as a {@linkcode Terminal}. `NO_COLOR` (https://no-color.org)
 * and `TERM=dumb` are respected; `COLUMNS` gives the width where there is no terminal.
 */
export function terminal(stream: "stdout" | "stderr"): Terminal {
  const file = Deno[stream];
  const dumb = Deno.env.get("TERM") === "dumb";
  const interactive = file.isTerminal() && !dumb;
  return {
    interactive,
    color: interactive && !Deno.env.get("NO_COLOR"),
    width: columns(file.isTerminal()),
    write: (text) => writeAll(stream, visibleText(text)),
    draw: (text) => writeAll(stream, text),
  };
}

/** The same stream for work that continues when its reader has gone. */
export function unattended(out: Terminal): Terminal {
  const attempt = (write: () => void) => {
    try {
      write();
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  };
  return {
    ...out,
    write: (text) => attempt(() => out.write(text)),
    draw: (text) => attempt(() => out.draw(text)),
  };
}

function columns(isTerminal: boolean): number {
  if (isTerminal) {
    try {
      const { columns } = Deno.consoleSize();
      if (columns > 0) return columns;
    } catch { /* the terminal does not say */ }
  }
  return Number(Deno.env.get("COLUMNS")) || DEFAULT_WIDTH;
}

/** Maximum columns of a line of standard output: those of a terminal; unlimited in a file or a pipe. */
export function lineWidth(): number {
  const { interactive, width } = terminal("stdout");
  return interactive ? width : Infinity;
}

/**
 * Writes a text to a stream completely.
 *
 * @throws {Deno.errors.BrokenPipe} when the reader of standard output has gone (`… | head`), which
 *   ends the program
 * @throws {UserError} when the stream is a file and cannot be written
 */
function writeAll(stream: "stdout" | "stderr", text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += Deno[stream].writeSync(bytes.subarray(done));
  } catch (error) {
    // Notices may go unread; results may not.
    if (error instanceof Deno.errors.BrokenPipe && stream === "stderr") return;
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    throw new UserError(`cannot write to ${stream}: ${ioReason(error)}`, { cause: error });
  }
}

/**
 * Writes a text and a line break to standard output, for people: control characters are shown as
 * symbols, also in a file or a pipe. JSON stays the same value.
 */
export function print(text: string): void {
  writeAll("stdout", visibleText(text) + "\n");
}

/**
 * Writes a result that programs read (a response, CSV, a path) to standard output: unchanged to a
 * file or a pipe; to a terminal with control characters shown as symbols.
 */
export function printData(text: string): void {
  writeAll("stdout", Deno.stdout.isTerminal() ? visibleText(text) : text);
}

/** Writes a text and a line break to standard error; where that cannot be written, nothing happens. */
export function printError(text: string): void {
  try {
    writeAll("stderr", visibleText(text) + "\n");
  } catch {
    // There is nowhere left to say it.
  }
}
