import { UserError } from "../errors.ts";
import { fileInfo, listFolder, readChunks } from "../platform/files.ts";
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
 * or a dataset consists of, subfolders included.
 *
 * @throws {UserError} when something in it cannot be read
 */
export async function fingerprint(path: string): Promise<string> {
  if (!await isFolder(path)) return await fileFingerprint(path);
  const hash = new Sha256();
  for (const name of await names(path)) {
    if (name.startsWith(".")) continue;
    const inside = join(path, name);
    if (READ.test(name) || await isFolder(inside)) {
      hash.update(`${name}\0${await fingerprint(inside)}\n`);
    }
  }
  return hash.hex();
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await listFolder(folder)).map(({ name }) => name).sort();
  } catch (error) {
    throw new UserError(`cannot read ${folder}: ${ioReason(error)}`, { cause: error });
  }
}

/** Tells whether there is a folder. A link that leads nowhere is none; reading it fails later, by name. */
async function isFolder(path: string): Promise<boolean> {
  return await fileInfo(path).then((found) => found.isFolder, () => false);
}
