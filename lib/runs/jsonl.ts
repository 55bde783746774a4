import { UserError } from "../errors.ts";
import { ioReason } from "../formats/io_error.ts";

/**
 * A file of JSON values, one a line, that grows while a run goes on. Each line is written at once
 * and synced to the disk: a crash loses at most the line that was being written.
 */
export class JsonLines implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;

  /** Creates the file. @throws {UserError} when it exists or cannot be, with the reason */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { append: true, createNew: true });
    } catch (error) {
      throw this.#failure(error);
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
      throw this.#failure(error);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #failure(error: unknown): UserError {
    return new UserError(`cannot write ${this.#path}: ${ioReason(error)}`, { cause: error });
  }
}
