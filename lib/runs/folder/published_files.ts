import { join } from "node:path";
import { UserError } from "../../errors.ts";
import { fileExists, readFile } from "../../platform/files.ts";
import { ioReason } from "../../platform/io_error.ts";
import type { PushedFile } from "../../hub/push.ts";
import { runInUse, RunLock } from "./lock.ts";
import { runDirectory } from "./run_directory.ts";

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

/** Files of a run that are published beside its adapter. */
const RECORDS: readonly string[] = [
  "config.json",
  "metrics.jsonl",
  "summary.json",
  "comparison.csv",
  "summaries.jsonl",
];
/**
 * Folder for them in the repository: a `config.json` beside an adapter would be taken for the configuration of a model.
 */
const RECORDS_FOLDER = "run";

/**
 * The files of a run that are for others, as a repository of the Hub has them: the adapter, its value
 * head and its model card at the top, `config.json`, `metrics.jsonl`, `summary.json` and
 * `comparison.csv` or `summaries.jsonl` in `run/`. Of a folder with an adapter alone, the adapter's.
 *
 * @param path folder of a run, of an adapter, or a checkpoint
 * @throws {UserError} when there is no adapter in it, a process works on it, or a file cannot be read
 */
export async function publishedFiles(path: string): Promise<PushedFile[]> {
  const found = await Deno.stat(path).catch((error) => {
    throw new UserError(`cannot read ${path}: ${ioReason(error)}`, { cause: error });
  });
  if (!found.isDirectory) throw new UserError(`${path} is a file: expected the folder of a run`);
  if (RunLock.isHeld(path)) throw runInUse(path);
  const run = runDirectory(path);
  const ofAdapter = await readThose(ADAPTER_FILES.map((name) => [name, join(path, name)]));
  if (isAdapter(ofAdapter)) return ofAdapter;
  const ofRun = await readThose([
    ...ADAPTER_FILES.map((name) => [name, join(run.adapter, name)] as const),
    ...RECORDS.map((name) => [`${RECORDS_FOLDER}/${name}`, join(path, name)] as const),
  ]);
  if (isAdapter(ofRun)) return ofRun;
  throw new UserError(
    `${path} is neither a run with a trained adapter nor an adapter: expected ` +
      `adapter_config.json and adapter_model.safetensors in ${run.adapter} or ${path}`,
    { run: await fileExists(run.config) ? path : undefined },
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
      if (error instanceof Deno.errors.NotFound) return null;
      throw new UserError(`cannot read ${source}: ${ioReason(error)}`, { cause: error });
    }
  }));
  return files.filter((file) => file !== null);
}
