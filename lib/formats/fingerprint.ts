import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { ioReason } from "./io_error.ts";

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
  const { isDirectory } = await Deno.stat(path);
  if (!isDirectory) return await fileFingerprint(path);
  const entries = await Array.fromAsync(Deno.readDir(path));
  const hash = createHash("sha256");
  for (const name of entries.map((entry) => entry.name).sort()) {
    if (name.startsWith(".")) continue;
    const inside = join(path, name);
    const folder = (await Deno.stat(inside)).isDirectory;
    if (folder || READ.test(name)) hash.update(`${name}\0${await fingerprint(inside)}\n`);
  }
  return hash.digest("hex");
}
