/** Files beside the bundle that come with Temper, by their paths in the repository. */
import { importOwn } from "./own_modules.ts";

/** Files that have other names beside the bundle. */
const NAMES: Readonly<Record<string, string>> = {
  "lib/device/wasm/kernels.wasm": "kernels.wasm",
  "lib/device/wasm/worker.ts": "temper-thread.js",
};

/** Address of a file or folder of Temper's own: `assetUrl("lib/device/wasm/kernels.wasm")`. */
export function assetUrl(path: string): URL {
  return new URL(NAMES[path] ?? path, import.meta.url);
}

/** A page has no folder of the program's. */
export function programFolder(): string | null {
  return null;
}

/** Reads a file of Temper's own from beside the bundle. @throws {Error} when it is not there */
export async function readAsset(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const url = assetUrl(path);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers with status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Imports a module of Temper's own that is loaded on first use. */
export async function importAsset<Module>(path: string): Promise<Module> {
  return await importOwn(path) as Module;
}
