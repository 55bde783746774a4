import { UserError } from "../../errors.ts";
import { fileExists, type FileInfo, fileInfo, isThere } from "../../platform/files.ts";
import { ioReason } from "../../platform/io_error.ts";
import { join } from "../../platform/paths.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { parseRepo, type Wanted } from "../../hub/repo.ts";
import { resolveRepo } from "../../hub/resolve.ts";
import { runDirectory } from "../folder/run_directory.ts";
import { resolveAsset } from "../settings/demo.ts";

/**
 * Finds what a setting names: a path, something of the demo's, or a repository of the Hub, which is
 * downloaded.
 *
 * @returns the path of a file or folder
 * @throws {UserError} when it would be on the Hub and cannot be had from there, or there is no such
 *   folder of a model
 */
export async function locate(
  wanted: Wanted,
  nameOrPath: string,
  hooks: DownloadHooks,
): Promise<string> {
  const path = await resolveRepo(wanted, await resolveAsset(nameOrPath), hooks);
  // Of a data set, the one who reads it says what it may be.
  if (wanted !== "dataset") await checkFolder(path);
  return path;
}

async function checkFolder(path: string): Promise<void> {
  const expected = "expected a folder, or a name on the Hub (org/name)";
  let found: FileInfo;
  try {
    found = await fileInfo(path);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}; ${expected}`, { cause: error });
  }
  if (!found.isFolder) throw new UserError(`${path} is a file; ${expected}`);
  const { environment, metrics } = runDirectory(path);
  if (await fileExists(environment) && await fileExists(metrics)) throw await runInstead(path);
}

/** The error of a run's folder where its model or adapter is meant. */
async function runInstead(path: string): Promise<UserError> {
  for (const part of ["adapter", "model"]) {
    const trained = join(path, part);
    if (await isFolder(trained)) {
      return new UserError(`${path} is the folder of a run: its ${part} is ${trained}`);
    }
  }
  return new UserError(`${path} is the folder of a run, which has saved no model or adapter yet`);
}

async function isFolder(path: string): Promise<boolean> {
  return (await fileInfo(path).catch(() => null))?.isFolder ?? false;
}

/** Name of a model in the files of its adapters: on the Hub, without the revision. */
export function baseModelName(model: string): string {
  return isThere(model) ? model : parseRepo("model", model)?.name ?? model;
}
