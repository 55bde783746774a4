import { join } from "../../platform/paths.ts";
import { UserError } from "../../errors.ts";
import { COMPANIONS } from "../../formats/companions.ts";
import { fileInfo, isNotFound, listFolder, readFile } from "../../platform/files.ts";
import { ioReason } from "../../platform/io_error.ts";
import type { PushedFile } from "../../hub/push.ts";
import { runInUse, RunLock } from "../folder/lock.ts";
import { isRunFolder, runDirectory } from "../folder/run_directory.ts";
import { runKinds } from "../kinds/registry.ts";

/** An adapter's files: what PEFT writes, the value head in either format, and the model card. */
const ADAPTER_FILES: readonly string[] = [
  "adapter_config.json",
  "adapter_model.safetensors",
  "adapter_model.bin",
  "value_head.safetensors",
  "pytorch_model.bin",
  "README.md",
];
/**
 * Files of an earlier adapter in a repository that would be read beside or in place of the new
 * one's files.
 */
export const ADAPTER_WEIGHTS: readonly string[] = [
  "adapter_model.safetensors",
  "adapter_model.bin",
  "value_head.safetensors",
];

/** Weights of a model, in one file or several. */
const MODEL_WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;

/**
 * Folder of a run's records in the repository: a `config.json` beside an adapter would be taken for
 * the configuration of a model.
 */
const RECORDS_FOLDER = "run";

/**
 * The files of a run that are for others, as a repository of the Hub has them: the adapter, its value
 * head and its model card at the top, and its records in `run/`. Where all weights were trained, the
 * model takes the adapter's place. Of a folder with an adapter or a model alone, its files.
 *
 * @param path folder of a run, of an adapter, a checkpoint, or a model
 * @throws {UserError} when there is no result in it, a process works on it, or a file cannot be read
 */
export async function publishedFiles(path: string): Promise<PushedFile[]> {
  const found = await fileInfo(path).catch((error) => {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  });
  if (!found.isFolder) throw new UserError(`${path} is a file: expected the folder of a run`);
  if (RunLock.isHeld(path)) throw runInUse(path);
  const run = runDirectory(path);
  const ofAdapter = await readThose(ADAPTER_FILES.map((name) => [name, join(path, name)]));
  if (isAdapter(ofAdapter)) return ofAdapter;
  const records = recordsOfRuns().map((name) =>
    [`${RECORDS_FOLDER}/${name}`, join(path, name)] as const
  );
  const ofRun = await readThose([
    ...ADAPTER_FILES.map((name) => [name, join(run.adapter, name)] as const),
    ...records,
  ]);
  if (isAdapter(ofRun)) return ofRun;
  const model = await modelFilesIn(join(path, "model"));
  if (model.length > 0) return await readThose([...model, ...records]);
  const alone = await modelFilesIn(path);
  if (alone.length > 0) return await readThose(alone);
  throw new UserError(
    `${path} is neither a run with a trained adapter or model nor one of these: expected ` +
      `adapter_config.json and adapter_model.safetensors in ${run.adapter} or ${path}`,
    { run: await isRunFolder(path) ? path : undefined },
  );
}

/** Names of the files that runs publish beside their results. */
function recordsOfRuns(): string[] {
  const ofKinds = runKinds().flatMap(({ records = [] }) => records);
  return [...new Set(["config.json", "metrics.jsonl", "summary.json", ...ofKinds])];
}

/** Paths of a model's files in a repository and here; none where the folder has no model. */
async function modelFilesIn(folder: string): Promise<(readonly [path: string, source: string])[]> {
  const names = (await listFolder(folder).catch(() => [])).map(({ name }) => name);
  const weights = names.filter((name) => MODEL_WEIGHTS.test(name)).sort();
  if (weights.length === 0 || !names.includes("config.json")) return [];
  return [...COMPANIONS, ...weights, "README.md"].map((name) =>
    [name, join(folder, name)] as const
  );
}

function isAdapter(files: readonly PushedFile[]): boolean {
  const has = (pattern: RegExp) => files.some(({ path }) => pattern.test(path));
  return has(/^adapter_config\.json$/) && has(/^adapter_model\./);
}

/** Reads the files that there are; each is given as its path in the repository and its path here. */
async function readThose(
  paths: readonly (readonly [path: string, source: string])[],
): Promise<PushedFile[]> {
  const files = await Promise.all(paths.map(async ([path, source]) => {
    try {
      return { path, content: new Blob([await readFile(source)]) };
    } catch (error) {
      if (isNotFound(error)) return null;
      throw new UserError(`cannot read ${source}: ${ioReason(error)}`, { cause: error });
    }
  }));
  return files.filter((file) => file !== null);
}
