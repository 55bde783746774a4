import { basename, dirname, join } from "../../platform/paths.ts";
import { removeTemporaries } from "../../platform/atomic_folder.ts";
import { isTemporary } from "../../platform/temporary_name.ts";
import { UserError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import {
  fileExists,
  fileInfo,
  isAlreadyThere,
  listFolder,
  makeFolder,
  makeNewFolder,
  removeFile,
} from "../../platform/files.ts";
import { ioReason } from "../../platform/io_error.ts";
import { LOCK_FILE, runInUse, RunLock } from "./lock.ts";

/** Paths of a run's files. */
export interface RunDirectory {
  /** Folder. */
  readonly path: string;
  /** Every setting, resolved. */
  readonly config: string;
  /** Machine, device and versions: an entry a session. */
  readonly environment: string;
  /** Lines for people, with the time. */
  readonly log: string;
  /** A row of statistics a step. */
  readonly metrics: string;
  /** Folder of the event file for TensorBoard. */
  readonly tensorboard: string;
  /** Responses of each step, with their rewards. */
  readonly samples: string;
  /** The same prompts before and after training. */
  readonly comparison: string;
  /** Folder of the trained adapter, and of the value head where there is one. */
  readonly adapter: string;
  /** Measurements before and after training, and the time it took. */
  readonly summary: string;
}

/** Lists the files of a run. */
export function runDirectory(path: string): RunDirectory {
  return {
    path,
    config: join(path, "config.json"),
    environment: join(path, "environment.json"),
    log: join(path, "log.txt"),
    metrics: join(path, "metrics.jsonl"),
    tensorboard: join(path, "tensorboard"),
    samples: join(path, "samples.jsonl"),
    comparison: join(path, "comparison.csv"),
    adapter: join(path, "adapter"),
    summary: join(path, "summary.json"),
  };
}

/** Settings that name a run's folder. */
export interface FolderSettings {
  /** Kind of the run. */
  readonly kind: string;
  /** The folder; null to name it by the time. */
  readonly output: string | null;
  /** Name of the run; null for the model's. */
  readonly name: string | null;
  /** Model, where there is one. */
  readonly model?: string;
}

/** A run's folder, for this process alone. */
export interface LockedRun extends Disposable {
  /** Paths of its files. */
  readonly directory: RunDirectory;
  /** False once the lock is lost: another process may have the folder. */
  readonly isLocked: boolean;
  /** Checks before something is written that the lock still holds. @throws {UserError} */
  checkLock(): void;
  /** Gives the folder back when the run has not started: removes it if it is empty. */
  release(): Promise<void>;
}

/**
 * Creates and locks the folder that a run will use, empty: what `output` says, else
 * {@linkcode defaultRunFolder}, with a number where another run started in the same second.
 *
 * @throws {UserError} when it exists and is not empty, or cannot be created, with what to do
 */
export async function reserveRunDirectory(
  config: FolderSettings,
): Promise<LockedRun> {
  let path = config.output ?? defaultRunFolder(config, new Date());
  try {
    if (config.output === null) path = await makeNumberedFolder(path);
    else await makeFolder(path);
    await checkEmpty(path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = isAlreadyThere(error) ? "it is a file" : ioReason(error);
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

/** Makes a folder that did not exist: `path`, else `path-2` and so on. */
async function makeNumberedFolder(path: string): Promise<string> {
  await makeFolder(dirname(path)).catch((error) => {
    // Where it is a file, the folder in it cannot be made, and that error says so.
    if (!isAlreadyThere(error)) throw error;
  });
  for (let number = 1;; number++) {
    const numbered = number === 1 ? path : `${path}-${number}`;
    try {
      await makeNewFolder(numbered);
      return numbered;
    } catch (error) {
      if (!isAlreadyThere(error)) throw error;
    }
  }
}

/** Ignores the files of a process that was killed before its run had one. @throws {UserError} */
async function checkEmpty(path: string): Promise<void> {
  const names = (await listFolder(path)).map(({ name }) => name);
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
    get isLocked() {
      return lock.isIntact;
    },
    checkLock() {
      if (lock.isIntact) return;
      throw new UserError(
        `the run ${path} is no longer this process's: its ${LOCK_FILE} was removed or replaced, and ` +
          "another process may write there; go on when none does",
        { run: path },
      );
    },
    async release() {
      lock[Symbol.dispose]();
      try {
        await removeFile(path);
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
  config: { readonly output: string | null },
): Promise<void> {
  const { output: _, ...settings } = config;
  await writeFileAtomic(run.config, JSON.stringify(settings, null, 2) + "\n");
}

/** Default folder of a run: `runs/<time>-<name>`. */
export function defaultRunFolder(config: Omit<FolderSettings, "output">, now: Date): string {
  return join("runs", `${timestamp(now)}-${runName(config)}`);
}

/** Local time as `20230831-174502`. */
function timestamp(now: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}-` +
    `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}

/** Name of the run as part of its folder's: without characters that would start another folder. */
function runName(config: Omit<FolderSettings, "output">): string {
  const name = config.name ?? basename(config.model ?? config.kind);
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "") || "run";
}

/** Tells the folder of a run from that of a model, which has a `config.json` as well. */
export async function isRunFolder(path: string): Promise<boolean> {
  const { config, environment } = runDirectory(path);
  return await fileExists(config) && await fileExists(environment);
}

/** @throws {UserError} when the folder is not that of a run, with why */
export async function checkRunFolder(path: string): Promise<void> {
  const failure = (reason: string, cause?: unknown) =>
    new UserError(`${path} is not the folder of a run: ${reason}`, { cause });
  const found = await fileInfo(path).catch((error) => {
    throw failure(ioReason(error), error);
  });
  if (!found.isFolder) throw failure("it is a file");
  if (!await fileExists(runDirectory(path).config)) throw failure("it has no config.json");
}
