import { basename, dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";

/** What this module calls a folder that is not whole yet; anything of that name may be deleted. */
const TEMPORARY = /^\..+\.tmp$/;

/**
 * Writes a folder so that `path` is only ever a whole one: what `fill` writes goes into a temporary
 * folder beside it, which is synced to the disk and renamed. A folder that is there is replaced.
 *
 * @param fill writes the files, each synced by itself, into the folder that it is given
 * @throws {UserError} naming the path and the reason; what was there before stays
 */
export async function writeFolderAtomic(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await Deno.mkdir(temporary);
    await fill(temporary);
    await syncFolder(temporary);
    await replace(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeQuietly(temporary);
    if (error instanceof UserError) {
      // The temporary name means nothing to anybody.
      const message = error.message.replaceAll(temporary, path);
      throw message === error.message ? error : new UserError(message, { cause: error });
    }
    throw new UserError(`Cannot write ${path}: ${ioReason(error)}.`, { cause: error });
  }
}

/** Whether a name is one of a file or folder that is not whole yet. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Deletes what a process that was killed left of its temporary files and folders. */
export async function removeTemporaries(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (isTemporary(name)) await removeQuietly(join(folder, name));
  }
}

/** Renaming replaces no folder that has anything in it: the old one steps aside first. */
async function replace(from: string, to: string): Promise<void> {
  const aside = temporaryName(to);
  const existed = await Deno.rename(to, aside).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if (existed) await Deno.rename(aside, to);
    throw error;
  }
  if (existed) await removeQuietly(aside);
}

/** A rename is only durable once the folder that holds the name is; Windows knows no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path);
  await folder.sync();
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.tmp`);
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch {
    // Never created, or not to be removed: in both cases nothing takes it for a whole one.
  }
}
