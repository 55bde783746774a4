import { files } from "./file_tree.ts";
import { resolve } from "./paths.ts";

/** Modules that a page has given as what they export, by their paths. */
const given = new Map<string, Record<string, unknown>>();

/**
 * Gives a module as what it exports.
 *
 * @returns function that takes it back
 */
export function giveModule(path: string, exported: Record<string, unknown>): () => void {
  const key = resolve(path);
  given.set(key, exported);
  return () => given.delete(key);
}

/** Imports a module that the page has given, or a file of the page's, in JavaScript. */
export async function importFile(path: string): Promise<Record<string, unknown>> {
  const module = given.get(resolve(path));
  if (module) return module;
  const source = new Blob([await files.file(path).contents.bytes()], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}
