/** Names in a folder of a page's files: takes the place of tests/golden/entries.ts. */
import { files } from "../../../lib/platform/browser/file_tree.ts";
import { join } from "../../../lib/platform/browser/paths.ts";

/** Names of the files in a folder, sorted. */
export function filesIn(...folder: string[]): string[] {
  return names(folder, (node) => node !== null);
}

/** Names of the folders in a folder, sorted. */
export function foldersIn(...folder: string[]): string[] {
  return names(folder, (node) => node === null);
}

function names(folder: readonly string[], matches: (node: unknown) => boolean): string[] {
  const path = join(...folder);
  return files.names(path).filter((name) => matches(files.find(join(path, name)))).sort();
}
