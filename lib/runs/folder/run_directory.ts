import { basename, join } from "node:path";
import { isTemporary, removeTemporaries } from "../../platform/atomic_folder.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { fileExists } from "../../platform/files.ts";
import { ioReason } from "../../platform/io_error.ts";
import { type TrainConfig, type TrainConfigInput, trainConfigSchema } from "../settings/config.ts";
import { readConfigFile } from "../settings/config_file.ts";
import { LOCK_FILE, runInUse, RunLock } from "./lock.ts";

/** Where a run keeps its results. */
export interface RunDirectory {
  /** The folder. */
  readonly path: string;
  /** Every setting, resolved. */
  readonly config: string;
  /** What the run ran on: an entry a session. */
  readonly environment: string;
  /** The measurement before the first step. */
  readonly before: string;
  /** What the run said beside its numbers. */
  readonly log: string;
  /** A row of statistics a step. */
  readonly metrics: string;
  /** Folder of the event file for TensorBoard. */
  readonly tensorboard: string;
  /** What the policy said in each step, and its rewards. */
  readonly samples: string;
  /** The same prompts before and after. */
  readonly comparison: string;
  /** Folder of the trained adapter and the value head. */
  readonly adapter: string;
  /** Toxicity before and after, and how long it took. */
  readonly summary: string;
}

/** The files of a run. */
export function runDirectory(path: string): RunDirectory {
  return {
    path,
    config: join(path, "config.json"),
    environment: join(path, "environment.json"),
    before: join(path, "toxicity_before.json"),
    log: join(path, "log.txt"),
    metrics: join(path, "metrics.jsonl"),
    tensorboard: join(path, "tensorboard"),
    samples: join(path, "samples.jsonl"),
    comparison: join(path, "comparison.csv"),
    adapter: join(path, "adapter"),
    summary: join(path, "summary.json"),
  };
}

/** A run's folder, for this process alone. */
export interface LockedRun extends Disposable {
  /** Where its files are. */
  readonly directory: RunDirectory;
  /** Gives the folder back when the run has not started: removes it if it is empty. */
  release(): Promise<void>;
}

/**
 * Creates and locks the folder that a run will use, empty: what `output` says, else
 * {@linkcode defaultRunFolder}.
 *
 * @throws {UserError} when it exists and is not empty, or cannot be created, with what to do
 */
export async function reserveRunDirectory(
  config: Pick<TrainConfig, "output" | "name" | "model">,
): Promise<LockedRun> {
  const path = config.output ?? defaultRunFolder(config, new Date());
  try {
    await Deno.mkdir(path, { recursive: true });
    await checkEmpty(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof Deno.errors.AlreadyExists ? "it is a file" : ioReason(error);
    throw new UserError(`cannot create the output folder ${path}: ${reason}`, { cause: error });
  }
  const lock = await RunLock.acquire(path);
  try {
    // Another process may have had it, and be done.
    await checkEmpty(path);
    await removeTemporaries(path);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return locked(path, lock);
}

/** What a process left that was killed before its run had a file counts for nothing. */
async function checkEmpty(path: string): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(path), ({ name }) => name);
  if (names.every((name) => name === LOCK_FILE || isTemporary(name))) return;
  if (RunLock.isHeld(path)) throw runInUse(path);
  const run = await fileExists(runDirectory(path).config) ? path : undefined;
  throw new UserError(
    `the folder ${path} exists and is not empty: choose another \`output\`, or delete it first`,
    { run },
  );
}

/**
 * Locks the folder of a run to go on with it, and clears away what a killed process left half
 * written.
 *
 * @param info told when a process was killed that had the run
 * @throws {UserError} when there is no run, or another process has it
 */
export async function reopenRunDirectory(
  path: string,
  info: (line: string) => void,
): Promise<LockedRun> {
  const lock = await RunLock.acquire(path);
  try {
    if (lock.stale !== null) info(`process ${lock.stale}, which had the run, was killed`);
    await removeTemporaries(path);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return locked(path, lock);
}

function locked(path: string, lock: RunLock): LockedRun {
  return {
    directory: runDirectory(path),
    async release() {
      lock[Symbol.dispose]();
      try {
        await Deno.remove(path);
      } catch {
        // It is not ours alone any more: what is in it stays.
      }
    },
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

/**
 * Writes a run's `config.json`: every setting but `output`, which is where the
 * file is, so that `--config` with it makes another run.
 *
 * @throws {UserError} naming the path and the reason
 */
export async function writeRunConfig(
  run: RunDirectory,
  config: Pick<TrainConfig, "output">,
): Promise<void> {
  const { output: _, ...settings } = config;
  await writeFileAtomic(run.config, JSON.stringify(settings, null, 2) + "\n");
}

/** The folder of a run that is not told where to go: `runs/<time>-<name>`. */
export function defaultRunFolder(config: Pick<TrainConfig, "name" | "model">, now: Date): string {
  return join("runs", `${timestamp(now)}-${runName(config)}`);
}

/** Local time as `20230831-174502`. */
function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}-` +
    `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

/** The run's name in its folder's: without what would start another folder. */
function runName(config: Pick<TrainConfig, "name" | "model">): string {
  const name = config.name ?? basename(config.model);
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "") || "run";
}

/**
 * Reads the settings of a run from its `config.json`.
 *
 * @throws {UserError} when the folder is not that of a run
 */
export async function readRunConfig(path: string): Promise<TrainConfigInput> {
  await checkRunFolder(path);
  return await readConfigFile(runDirectory(path).config, trainConfigSchema);
}

/** @throws {UserError} when the folder is not that of a run, with why */
export async function checkRunFolder(path: string): Promise<void> {
  const failure = (reason: string, cause?: unknown) =>
    new UserError(`${path} is not the folder of a run: ${reason}`, { cause });
  const found = await Deno.stat(path).catch((error) => {
    throw failure(ioReason(error), error);
  });
  if (!found.isDirectory) throw failure("it is a file");
  if (!await fileExists(runDirectory(path).config)) throw failure("it has no config.json");
}
