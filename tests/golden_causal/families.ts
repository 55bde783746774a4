import { FolderFiles, MemoryFiles, type ModelFiles } from "../../lib/formats/model_files.ts";
import { join } from "../../lib/platform/paths.ts";
import { type GoldenCase, loadCaseFrom } from "../golden/cases.ts";
import { filesIn, foldersIn } from "../golden/entries.ts";
import { goldenCausalDir } from "./folder.ts";

/** Folders of a family that have this name, or begin with it and a hyphen; sorted. */
export function foldersOf(family: string, name: string): string[] {
  return foldersIn(goldenCausalDir, family)
    .filter((folder) => folder === name || folder.startsWith(`${name}-`));
}

/** Names of a family's cases that begin with `prefix`, sorted. */
export function casesOf(family: string, prefix: string): string[] {
  return filesIn(goldenCausalDir, family)
    .filter((name) => name.endsWith(".json") && name.startsWith(prefix))
    .map((name) => name.slice(0, -".json".length));
}

/** Families that there are cases of. */
export const families: readonly string[] = foldersIn(goldenCausalDir)
  .filter((family) => casesOf(family, "forward").length > 0);

/** Path of a family's folder of this name. */
export function familyFolder(family: string, folder: string): string {
  return join(goldenCausalDir, family, folder);
}

/** A family's case. */
export function familyCase<T>(family: string, name: string): GoldenCase<T> {
  return loadCaseFrom<T>(join(goldenCausalDir, family), name);
}

/** A model's files with other values in its config.json. */
export async function withConfig(
  folder: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<ModelFiles> {
  const files = new FolderFiles(folder);
  const config = { ...await files.requiredJson("config.json", "model"), ...changes };
  const text = new TextEncoder().encode(JSON.stringify(config));
  const weights = (await files.bytes("model.safetensors"))!;
  return new MemoryFiles([["config.json", text], ["model.safetensors", weights]], folder);
}
