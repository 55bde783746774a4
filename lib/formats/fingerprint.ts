import { UserError } from "../errors.ts";
import { fileInfo, type FolderEntry, listFolder, readChunks } from "../platform/files.ts";
import { Sha256 } from "../platform/hash.ts";
import { ioReason } from "../platform/io_error.ts";
import { join } from "../platform/paths.ts";

/** Files that a model or dataset consists of: its README may change. */
const READ = /\.(json|jsonl|csv|tsv|parquet|safetensors|bin|onnx|txt|model|[cm]?[jt]s)$/;

/** SHA-256 of a file, in hexadecimal. @throws {UserError} when it cannot be read */
export async function fileFingerprint(path: string): Promise<string> {
  try {
    const hash = new Sha256();
    for await (const chunk of readChunks(path)) hash.update(chunk);
    return hash.hex();
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  }
}

/**
 * SHA-256 of a file, or of a folder: of the names and fingerprints of the files in it that a model
 * or a dataset consists of, subfolders included. Links to folders are followed, but for those behind
 * another: they may lead in a circle.
 *
 * @throws {UserError} when something in it cannot be read
 */
export async function fingerprint(path: string): Promise<string> {
  return await isFolder(path) ? await folderFingerprint(path, true) : await fileFingerprint(path);
}

async function folderFingerprint(folder: string, followsLinks: boolean): Promise<string> {
  const hash = new Sha256();
  for (const { name, isFolder: isReal } of await entries(folder)) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const isInside = isReal || followsLinks && await isFolder(path);
    if (!isInside && !READ.test(name)) continue;
    const own = isInside
      ? await folderFingerprint(path, followsLinks && isReal)
      : await fileFingerprint(path);
    hash.update(`${name}\0${own}\n`);
  }
  return hash.hex();
}

/** Entries of a folder by name, in the order of UTF-16 units. */
async function entries(folder: string): Promise<FolderEntry[]> {
  try {
    return (await listFolder(folder)).sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    throw new UserError(`cannot read ${folder}: ${ioReason(error)}`, { cause: error });
  }
}

/** Tells whether there is a folder. A link that leads nowhere is none; reading it fails later, by name. */
async function isFolder(path: string): Promise<boolean> {
  return await fileInfo(path).then((found) => found.isFolder, () => false);
}
