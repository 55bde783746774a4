/** Failure of a file operation in a page, with the code that Node's errors have. */
export class FileError extends Error {
  override name = "FileError";

  /** The code is one of {@linkcode ioReason}'s, or `EEXIST`. */
  constructor(readonly code: string, path: string) {
    super(`${code}: ${path}`);
  }
}
