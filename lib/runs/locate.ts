import { existsSync } from "node:fs";
import type { DownloadHooks } from "../hub/download.ts";
import { parseRepo, type Wanted } from "../hub/repo.ts";
import { resolveRepo } from "../hub/resolve.ts";
import { resolveAsset } from "./demo.ts";

/**
 * Finds what a setting names: a path, something of the demo's, or a repository of the Hub, which is
 * downloaded.
 *
 * @returns the path of a file or folder
 * @throws {UserError} when it would be on the Hub and cannot be had from there
 */
export async function locate(
  wanted: Wanted,
  nameOrPath: string,
  hooks: DownloadHooks,
): Promise<string> {
  return await resolveRepo(wanted, await resolveAsset(nameOrPath), hooks);
}

/** What an adapter's files call the model that it is for: a name on the Hub without the revision. */
export function baseModelName(model: string): string {
  return existsSync(model) ? model : parseRepo("model", model)?.name ?? model;
}
