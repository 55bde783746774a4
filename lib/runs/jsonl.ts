import { UserError } from "../errors.ts";
import { ioReason } from "../formats/io_error.ts";

/**
 * A file of JSON values, one a line, that grows while a run goes on. Each line is written at once
 * and synced to the disk: a crash loses at most the line that was being written.
 */
export class JsonLines implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  /** Opens the file, a new one where there is none. @throws {UserError} with the reason */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { append: true, create: true });
    } catch (error) {
      throw failure(path, error);
    }
  }

  /**
   * Appends values, a line each.
   *
   * @throws {UserError} naming the file and the reason, for example a full disk
   */
  append(...values: readonly object[]): void {
    const bytes = new TextEncoder().encode(
      values.map((value) => JSON.stringify(value) + "\n").join(""),
    );
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
      this.#file.syncDataSync();
    } catch (error) {
      throw failure(this.#path, error);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Cuts a file of {@linkcode JsonLines} behind the last row of a step: rows of later steps, and a
 * line that was torn when the process was killed, go.
 *
 * @param path a file of rows with the number of their `step`, ascending; it need not exist
 * @throws {UserError} naming the file and the reason
 */
export async function truncateRows(path: string, lastStep: number): Promise<void> {
  try {
    const bytes = await Deno.readFile(path);
    const decoder = new TextDecoder();
    let end = 0;
    for (let newline; (newline = bytes.indexOf(0x0a, end)) >= 0; end = newline + 1) {
      if (!(stepOf(decoder.decode(bytes.subarray(end, newline))) <= lastStep)) break;
    }
    if (end < bytes.length) await Deno.truncate(path, end);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw failure(path, error);
  }
}

/** Infinity for a line that is no row. */
function stepOf(line: string): number {
  try {
    return Number(JSON.parse(line).step ?? Infinity);
  } catch {
    return Infinity;
  }
}

/**
 * Reads the rows of a file of {@linkcode JsonLines}; a last line that is torn is left out.
 *
 * @throws {UserError} naming the file and the reason; a file that does not exist has no rows
 */
export async function readRows<Row>(path: string): Promise<Row[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as Row];
    } catch {
      if (index === lines.length - 1) return [];
      throw new UserError(`${path}: line ${index + 1} is not JSON`);
    }
  });
}

function failure(path: string, error: unknown): UserError {
  return new UserError(`cannot write ${path}: ${ioReason(error)}`, { cause: error });
}
