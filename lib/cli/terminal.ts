import { UserError } from "../errors.ts";
import { ioReason } from "../platform/io_error.ts";

/** Properties of an output stream. */
export interface Terminal {
  /** True for a terminal, false for a file or a pipe. */
  interactive: boolean;
  /** True where escape sequences for color are supported and wanted. */
  color: boolean;
  /** Number of columns. */
  width: number;
  /** Writes a text unchanged. */
  write(text: string): void;
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
    write: (text) => writeAll(stream, text),
  };
}

/** The same stream for work that continues when its reader has gone. */
export function unattended(out: Terminal): Terminal {
  return {
    ...out,
    write(text) {
      try {
        out.write(text);
      } catch (error) {
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
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

/** Writes a line to standard output. */
export function print(line: string): void {
  writeAll("stdout", line + "\n");
}
