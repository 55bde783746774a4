/**
 * Files that come with Temper. They are named by their path in the repository, whether the program
 * runs from a checkout, from a URL, or bundled into one executable: a bundle keeps this
 * module at its root and the files where they are here.
 *
 * @module
 */
import { readFile } from "./lib/platform/files.ts";
import { fileURLToPath } from "./lib/platform/paths.ts";

/** Address of a file or folder of Temper's own: `assetUrl("lib/device/wasm/kernels.wasm")`. */
export function assetUrl(path: string): URL {
  return new URL(path, import.meta.url);
}

/** Path of the folder of Temper's own files; null where they come from a URL. */
export function programFolder(): string | null {
  const folder = assetUrl(".");
  return folder.protocol === "file:" ? fileURLToPath(folder) : null;
}

/**
 * Reads a file of Temper's own, from the disk or from where the module came from.
 *
 * @throws {Error} when the server does not have it
 */
export async function readAsset(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const url = assetUrl(path);
  // Not fetch for both: in what deno compile makes, only Deno's file functions see embedded files.
  if (url.protocol === "file:") return await readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers with status ${response.status}`);
  return await response.bytes();
}

/**
 * Imports a module of Temper's own that few programs need. With a literal `import("…")`, Deno
 * would fetch the module's packages, of many megabytes, before the program starts; here they are
 * fetched on use.
 */
export async function importAsset<Module>(path: string): Promise<Module> {
  return await import(assetUrl(path).href);
}
