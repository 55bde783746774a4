import { isThere } from "../platform/files.ts";
import { type DownloadHooks, downloadRepo } from "./download.ts";
import { parseRepo, type Wanted } from "./repo.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

/**
 * Finds a model or adapter, a model in ONNX form, or a dataset: a file or folder of that name where
 * there is one, else the Hub's `org/name` or `org/name@revision`, downloaded where it is not in the
 * cache.
 *
 * ```ts ignore
 * const folder = await resolveRepo("model", "google/flan-t5-base");
 * const model = await loadLanguageModel(device, folder);
 * ```
 *
 * @returns a path; what is neither there nor a name on the Hub is returned as it is, for the one who
 *   reads it to explain
 * @throws {UserError} as {@linkcode downloadRepo}
 */
export async function resolveRepo(
  wanted: Wanted,
  nameOrPath: string,
  hooks: DownloadHooks = {},
  settings?: HubSettings,
): Promise<string> {
  const repo = parseRepo(wanted, nameOrPath);
  if (!repo || isThere(nameOrPath)) return nameOrPath;
  return await downloadRepo(repo, hooks, settings ?? hubSettings());
}
