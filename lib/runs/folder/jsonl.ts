import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import {
  type AppendedFile,
  appendFile,
  isNotFound,
  readFile,
  readTextFile,
  truncateFile,
} from "../../platform/files.ts";

/**
 * A file of JSON values, one a line, that grows while a run goes on. Each line is written at once
 * and synced to the disk: a crash loses at most the line that was being written.
 */
export class JsonLines implements Disposable {
  readonly #path: string;
  readonly #file: AppendedFile;

  /** Opens the file, a new one where there is none. @throws {UserError} with the reason */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = appendFile(path);
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
      this.#file.write(bytes);
      this.#file.sync();
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
 * @throws {UserError} naming the file and the reason, or the line that is no row although a row of
 *   the step or before is behind it: no crash does that
 */
export async function truncateRows(path: string, lastStep: number): Promise<void> {
  try {
    const bytes = await readFile(path);
    const decoder = new TextDecoder();
    let end = 0;
    let broken = 0;
    for (let line = 1, start = 0, newline; (newline = bytes.indexOf(0x0a, start)) >= 0; line++) {
      const step = stepOf(decoder.decode(bytes.subarray(start, newline)));
      start = newline + 1;
      if (step > lastStep) break;
      if (step <= lastStep && broken > 0) throw brokenLine(path, broken);
      if (step <= lastStep) end = start;
      else broken ||= line;
    }
    if (end < bytes.length) await truncateFile(path, end);
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (!isNotFound(error)) throw failure(path, error);
  }
}

/** NaN for a line that is no row. */
function stepOf(line: string): number {
  try {
    const { step } = JSON.parse(line);
    return Number.isSafeInteger(step) ? step : NaN;
  } catch {
    return NaN;
  }
}

function brokenLine(path: string, line: number): UserError {
  return new UserError(
    `${path}: line ${line} is damaged: restore it as the run wrote it, or delete it`,
  );
}

/**
 * Reads the rows of a file of {@linkcode JsonLines}; a last line that is torn is left out.
 *
 * @throws {UserError} naming the file and the reason, or the line that is no JSON object; a file that
 *   does not exist has no rows
 */
export async function readRows<Row>(path: string): Promise<Row[]> {
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    if (line === "") return [];
    const row = parseRow(line);
    if (row !== null) return [row as Row];
    if (index === lines.length - 1) return [];
    throw brokenLine(path, index + 1);
  });
}

/** Null for a line that is no JSON object. */
function parseRow(line: string): object | null {
  try {
    const row: unknown = JSON.parse(line);
    return typeof row === "object" && !Array.isArray(row) ? row : null;
  } catch {
    return null;
  }
}

function failure(path: string, error: unknown): UserError {
  return new UserError(`cannot write ${path}: ${ioReason(error)}`, { cause: error });
}
