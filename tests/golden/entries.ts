import { join } from "../../lib/platform/paths.ts";

/** Names of the files in a folder, sorted. */
export function filesIn(...folder: string[]): string[] {
  return entries(folder).filter(({ isFile }) => isFile).map(({ name }) => name).sort();
}

/** Names of the folders in a folder, sorted. */
export function foldersIn(...folder: string[]): string[] {
  return entries(folder).filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
}

function entries(folder: readonly string[]): Deno.DirEntry[] {
  return [...Deno.readDirSync(join(...folder))];
}
