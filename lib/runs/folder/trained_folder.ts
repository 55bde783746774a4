import { join } from "../../platform/paths.ts";
import { COMPANIONS } from "../../formats/companions.ts";
import { writeFolderAtomic } from "../../platform/atomic_folder.ts";
import { copyTree, isNotFound, listFolder } from "../../platform/files.ts";

/** Files of a result that a later one has or has not: weights, adapters, heads and the card. */
const RESULTS = /^(adapter_|value_head\.|model[.-]|pytorch_model[.-]|README\.md$|metadata\.json$)/;

/**
 * Writes the folder of what was trained in place of an earlier one; it appears whole or not at all.
 * Files that are no result of training stay: the user has put them there.
 *
 * @param save writes the result into the folder that it is given
 * @throws {UserError} naming the path and the reason; an earlier folder stays
 */
export async function writeTrainedFolder(
  path: string,
  save: (folder: string) => Promise<void>,
): Promise<void> {
  await writeFolderAtomic(path, async (folder) => {
    await save(folder);
    for (const name of await namesIn(path)) {
      if (RESULTS.test(name) || COMPANIONS.includes(name)) continue;
      await copyTree(join(path, name), join(folder, name));
    }
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await listFolder(folder)).map(({ name }) => name);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
