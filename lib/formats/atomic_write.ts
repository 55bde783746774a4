import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";

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
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.tmp`);
  try {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (const chunk of chunksOf(contents)) await writeAll(file, chunk);
    await file.sync();
  } catch (error) {
    await removeIfThere(temporary);
    throw failure(path, error);
  }
  try {
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw failure(path, error);
  }
}

function chunksOf(contents: string | Uint8Array | Iterable<Uint8Array>): Iterable<Uint8Array> {
  if (typeof contents === "string") return [new TextEncoder().encode(contents)];
  return contents instanceof Uint8Array ? [contents] : contents;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // It was never created: the error that brought us here is the one to report.
  }
}

function failure(path: string, error: unknown): Error {
  // What the caller's own chunks threw is not about this file.
  if (error instanceof UserError) return error;
  // A file that is written need not be there; its folder has to.
  const reason = error instanceof Deno.errors.NotFound
    ? `the folder ${dirname(path)} does not exist`
    : ioReason(error);
  return new UserError(`Cannot write ${path}: ${reason}.`, { cause: error });
}
