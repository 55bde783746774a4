import { UserError } from "../errors.ts";
import { readJsonIfThere } from "../formats/hf_config.ts";
import { FileError } from "../platform/browser/file_error.ts";
import { files } from "../platform/browser/file_tree.ts";
import { Journal } from "../platform/browser/journal.ts";
import { StorageFolder } from "../platform/browser/storage.ts";
import { readSessions } from "../runs/folder/environment.ts";
import { readFailure } from "../runs/folder/failure.ts";
import { readMetrics } from "../runs/folder/metrics.ts";
import { runDirectory } from "../runs/folder/run_directory.ts";
import type { KeptRun } from "./protocol.ts";

/** Folder of the runs in the page's files. */
export const RUNS = "/runs";

/** Path of a run in the page's files. */
export function runPath(name: string): string {
  return `${RUNS}/${name}`;
}

/** Run of this tab alone. */
export interface OwnRun extends AsyncDisposable {
  /** True where its files outlive the tab. */
  readonly isKept: boolean;
}

/**
 * Opens a run's folder for this tab alone, with the files that the browser's storage has of it.
 *
 * @param keep keep what is written in the storage, where the browser has one
 * @throws {UserError} when another tab has it
 */
export async function openRun(name: string, keep: boolean): Promise<OwnRun> {
  const lock = await Lock.acquire(`temper-run/${name}`);
  if (!lock) throw inUse(name);
  try {
    const storage = keep ? await StorageFolder.open("temper", "runs", name) : null;
    if (storage) forget(name);
    const journal = storage && await Journal.open(files, runPath(name), storage);
    return {
      isKept: journal !== null,
      async [Symbol.asyncDispose]() {
        journal?.[Symbol.dispose]();
        try {
          // A run that was refused before it began leaves nothing.
          if (journal && !hasFiles(name)) await removeFiles(name);
        } finally {
          await lock.release();
        }
      },
    };
  } catch (error) {
    await lock.release();
    throw error instanceof FileError && error.code === "EBUSY" ? inUse(name) : error;
  }
}

function inUse(name: string): UserError {
  return new UserError(
    `the run ${name} is in use by another tab: wait until it is done there, or close that tab`,
  );
}

/** Tells whether this worker has files of a run. */
export function hasFiles(name: string): boolean {
  return files.find(runPath(name)) !== undefined && files.filesBelow(runPath(name)).length > 0;
}

/** Removes a run's files, from the storage as well. */
async function removeFiles(name: string): Promise<void> {
  forget(name);
  await (await StorageFolder.open("temper", "runs"))?.remove(name);
}

/** Removes a run's files from those of this worker: the storage keeps its own. */
function forget(name: string): void {
  if (files.find(runPath(name)) !== undefined) files.remove(runPath(name));
}

/** Puts a run's files from the storage into those of this worker, unless it is being trained. */
async function look(name: string): Promise<void> {
  if (await isLocked(name)) {
    if (!hasFiles(name)) throw inUse(name);
    return;
  }
  if ((await namesOfKept()).includes(name)) await read(name);
  if (!hasFiles(name)) throw new UserError(`there is no run ${name}`);
}

/** Puts a run's files from the storage into those of this worker. */
async function read(name: string): Promise<void> {
  await using _ = await openRun(name, true);
}

/** Makes sure that a path's run, where it is in one, has its files here. @throws {UserError} */
export async function lookAt(path: string): Promise<void> {
  const [, name] = /^\/runs\/([^/]+)/.exec(path) ?? [];
  if (name !== undefined) await look(name);
}

/** Removes a run. @throws {UserError} when it is in use */
export async function removeRun(name: string): Promise<void> {
  const lock = await Lock.acquire(`temper-run/${name}`);
  if (!lock) throw inUse(name);
  try {
    await removeFiles(name);
  } finally {
    await lock.release();
  }
}

/** Lists the runs that are kept, the latest first. */
export async function keptRuns(): Promise<KeptRun[]> {
  const runs: KeptRun[] = [];
  for (const name of await namesOfKept()) {
    const isRunning = await isLocked(name);
    if (!isRunning) {
      await read(name);
      if (!hasFiles(name)) continue;
    }
    runs.push(await describe(name, isRunning));
  }
  return runs.sort(latestFirst);
}

/** Orders runs by their start, the latest first; those of other tabs, whose start is not known here, lead. */
function latestFirst(a: KeptRun, b: KeptRun): number {
  const startOf = ({ started }: KeptRun) => started ?? Infinity;
  return startOf(b) - startOf(a) || (a.name < b.name ? 1 : -1);
}

async function namesOfKept(): Promise<string[]> {
  return await (await StorageFolder.open("temper", "runs"))?.names() ?? [];
}

async function describe(name: string, isRunning: boolean): Promise<KeptRun> {
  const directory = runDirectory(runPath(name));
  const settings = await readJsonIfThere(directory.path, "config.json").catch(() => null) ?? {};
  const rows = await readMetrics(directory.metrics).catch(() => []);
  const failure = await readFailure(directory.path);
  const [session] = await readSessions(directory.environment, () => {});
  const isFinished = files.find(directory.summary) !== undefined;
  const { kind, steps } = settings;
  return {
    name,
    kind: typeof kind === "string" ? kind : null,
    status: isRunning ? "running" : failure ? "failed" : isFinished ? "finished" : "stopped",
    settings,
    step: rows.at(-1)?.step ?? 0,
    steps: typeof steps === "number" ? steps : null,
    failure: failure?.message ?? null,
    started: session ? Date.parse(session.started) : null,
  };
}

async function isLocked(name: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name === `temper-run/${name}`);
}

/** Lock that one tab at a time has, and that ends with it. */
class Lock {
  private constructor(
    private readonly end: () => void,
    private readonly ended: Promise<unknown>,
  ) {}

  /** Null where another one has it. */
  static async acquire(name: string): Promise<Lock | null> {
    const held = Promise.withResolvers<boolean>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      held.resolve(lock !== null);
      if (lock) await promise;
    });
    const isHeld = await Promise.race([held.promise, ended.then(() => false)]);
    return isHeld ? new Lock(resolve, ended) : null;
  }

  /** Gives it back: the next request, of this tab or another, gets it. */
  async release(): Promise<void> {
    this.end();
    await this.ended;
  }
}
