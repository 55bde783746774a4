import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "../platform/io_error.ts";

/** Files that are read from the folder of a model or data set: its README may change. */
const READ = /\.(json|jsonl|csv|tsv|parquet|safetensors|bin|onnx|txt|model|[cm]?[jt]s)$/;

/** SHA-256 of a file, in hexadecimal. @throws {UserError} when it cannot be read */
export async function fileFingerprint(path: string): Promise<string> {
  try {
    const hash = createHash("sha256");
    using file = await Deno.open(path);
    const chunk = new Uint8Array(1 << 20);
    for (let count; (count = await file.read(chunk)) !== null;) {
      hash.update(chunk.subarray(0, count));
    }
    return hash.digest("hex");
  } catch (error) {
    throw new UserError(`Cannot read ${path}: ${ioReason(error)}.`, { cause: error });
  }
}

/**
 * SHA-256 of a file, or of a folder: of the names and fingerprints of the files in it that a model
 * or a data set consists of, subfolders included.
 *
 * @throws {UserError} when something in it cannot be read
 */
export async function fingerprint(path: string): Promise<string> {
  if (!await isFolder(path)) return await fileFingerprint(path);
  const hash = createHash("sha256");
  for (const name of await names(path)) {
    if (name.startsWith(".")) continue;
    const inside = join(path, name);
    if (READ.test(name) || await isFolder(inside)) {
      hash.update(`${name}\0${await fingerprint(inside)}\n`);
    }
  }
  return hash.digest("hex");
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    throw new UserError(`Cannot read ${folder}: ${ioReason(error)}.`, { cause: error });
  }
}

/** A link that leads nowhere is none; where it is needed, reading it fails with its name. */
async function isFolder(path: string): Promise<boolean> {
  return await Deno.stat(path).then((found) => found.isDirectory, () => false);
}
