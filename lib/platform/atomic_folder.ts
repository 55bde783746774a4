import { UserError } from "../errors.ts";
import { visibleLine } from "../visible_text.ts";
import {
  isNotFound,
  isThere,
  listFolder,
  makeNewFolder,
  removeFolder,
  rename,
  syncFolder,
} from "./files.ts";
import { ioReason } from "./io_error.ts";
import { dirname, join } from "./paths.ts";
import { asidePath, isTemporary, nameOfAside, temporaryPath } from "./temporary_name.ts";

/**
 * Writes a folder so that `path` is only ever a whole one: what `fill` writes goes into a temporary
 * folder beside it, which is synced to the disk and renamed. A folder that exists is replaced.
 *
 * @param fill writes the files, each synced by itself, into the folder that it is given
 * @throws {UserError} naming the path and the reason; an earlier folder stays
 */
export async function writeFolderAtomic(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPath(path);
  try {
    await makeNewFolder(temporary);
    await fill(temporary);
    await syncFolder(temporary);
    await replace(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await removeQuietly(temporary);
    if (error instanceof UserError) {
      // The temporary name means nothing to anybody.
      const message = error.message.replaceAll(visibleLine(temporary), visibleLine(path));
      throw message === error.message ? error : new UserError(message, { cause: error });
    }
    throw new UserError(`cannot write ${path}: ${ioReason(error)}`, { cause: error });
  }
}

/**
 * Deletes the temporary files and folders of a process that was killed. A folder that had stepped
 * aside for one that never came goes back to its place.
 */
export async function removeTemporaries(folder: string): Promise<void> {
  const names = (await listFolder(folder)).map(({ name }) => name);
  for (const name of names.filter(isTemporary)) {
    const path = join(folder, name);
    const original = nameOfAside(name);
    if (original !== null && !isThere(join(folder, original))) {
      await rename(path, join(folder, original)).catch(() => {});
    } else await removeQuietly(path);
  }
}

/**
 * Renames over a folder. Renaming replaces no folder that has anything in it: the old one steps
 * aside first.
 */
async function replace(from: string, to: string): Promise<void> {
  const aside = asidePath(to);
  const existed = await rename(to, aside).then(() => true, (error) => {
    if (isNotFound(error)) return false;
    throw error;
  });
  try {
    await rename(from, to);
  } catch (error) {
    if (existed) await rename(aside, to);
    throw error;
  }
  if (existed) await removeQuietly(aside);
}

async function removeQuietly(path: string): Promise<void> {
  try {
    await removeFolder(path);
  } catch {
    // It was never created, or cannot be removed: in both cases nothing takes it for a whole one.
  }
}
