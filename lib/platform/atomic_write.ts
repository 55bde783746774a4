import { UserError } from "../errors.ts";
import { isNotFound, removeFile, rename, writeNewFile } from "./files.ts";
import { ioReason } from "./io_error.ts";
import { dirname } from "./paths.ts";
import { temporaryPath } from "./temporary_name.ts";

/**
 * Writes a file so that at every moment, even after a crash or a full disk, `path` holds either what
 * it held before or all of `contents`: into a temporary file beside it, synced to the disk, renamed.
 *
 * @param contents a text, bytes, or chunks of bytes (so that a large file is never held whole).
 * @throws UserError naming the path and the reason; nothing half-written is left behind.
 */
export async function writeFileAtomic(
  path: string,
  contents: string | Uint8Array | Iterable<Uint8Array>,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await writeNewFile(temporary, chunksOf(contents));
    await rename(temporary, path);
  } catch (error) {
    // It may never have been created: the first error is the one to report.
    await removeFile(temporary).catch(() => {});
    throw failure(path, error);
  }
}

function chunksOf(contents: string | Uint8Array | Iterable<Uint8Array>): Iterable<Uint8Array> {
  if (typeof contents === "string") return [new TextEncoder().encode(contents)];
  return contents instanceof Uint8Array ? [contents] : contents;
}

function failure(path: string, error: unknown): Error {
  // An error of the caller's own chunks is not about this file.
  if (error instanceof UserError) return error;
  // A file to be written need not exist; its folder must.
  const reason = isNotFound(error) ? `the folder ${dirname(path)} does not exist` : ioReason(error);
  return new UserError(`cannot write ${path}: ${reason}`, { cause: error });
}
