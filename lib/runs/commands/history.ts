import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import type { MetricsRow } from "../folder/export.ts";
import { type Failure, readFailure } from "../folder/failure.ts";
import { runInUse, RunLock } from "../folder/lock.ts";
import { readMetrics } from "../folder/metrics.ts";
import { readSessions } from "../folder/environment.ts";
import { runDirectory } from "../folder/run_directory.ts";
import { readSummary } from "../folder/summary.ts";
import { readRunConfig } from "../kinds/run_config.ts";
import type { Change, RunKind } from "../kinds/run_kind.ts";

/** State of a run: a process works on it, it is done, an error ended it, or it was stopped. */
export type RunStatus = "running" | "finished" | "failed" | "stopped";

/** Facts about a run, from its folder. */
export interface RunRecord {
  /** Folder. */
  path: string;
  /** Name of the folder. */
  name: string;
  /** Kind. */
  kind: RunKind;
  /** State. */
  status: RunStatus;
  /** Settings in its `config.json`. */
  config: Readonly<Record<string, unknown>>;
  /** A row of statistics a step. */
  metrics: MetricsRow[];
  /** Steps of the whole run; null where that is not known. */
  totalSteps: number | null;
  /** Measurements before and after; empty until the run is finished. */
  changes: Change[];
  /** Seconds that it took; null until it is finished. */
  seconds: number | null;
  /** Error that ended it; null unless it has failed. */
  failure: Failure | null;
}

/** A run that cannot be read. */
export interface BrokenRun {
  /** Folder. */
  path: string;
  /** Name of the folder. */
  name: string;
  /** Distinguishes it from a {@linkcode RunRecord}. */
  status: "broken";
  /** Fault, naming the file. */
  reason: string;
}

/**
 * Reads the facts about a run.
 *
 * @throws {UserError} when the folder is not that of a run, or naming the file of it that is broken
 */
export async function readRun(path: string): Promise<RunRecord> {
  const directory = runDirectory(path);
  const { kind, settings: config } = await readRunConfig(path);
  const summary = await readSummary(directory.summary, kind.summarySchema);
  const running = RunLock.isHeld(path);
  const failure = running || summary ? null : await readFailure(path);
  const ended = summary ? "finished" : failure ? "failed" : "stopped";
  const sessions = await readSessions(directory.environment, () => {});
  const totalSteps = config.steps ?? sessions.at(-1)?.steps ?? numberIn(summary, "steps");
  return {
    path,
    name: basename(path),
    kind,
    status: running ? "running" : ended,
    config,
    metrics: await readMetrics(directory.metrics),
    totalSteps: typeof totalSteps === "number" ? totalSteps : null,
    changes: summary ? kind.changes(summary as Record<string, unknown>) : [],
    seconds: numberIn(summary, "seconds"),
    failure,
  };
}

function numberIn(summary: object | null, name: string): number | null {
  const value = (summary as Record<string, unknown> | null)?.[name];
  return typeof value === "number" ? value : null;
}

/**
 * Reads the runs in a folder, by name, the broken ones among them; other folders in it are left out.
 *
 * @throws {UserError} when it cannot be read; a folder that does not exist has no runs
 */
export async function listRuns(folder: string): Promise<(RunRecord | BrokenRun)[]> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new UserError(`cannot read ${folder}: ${ioReason(error)}`, { cause: error });
  }
  const names = entries.filter(({ isFile }) => !isFile).map(({ name }) => name).sort();
  const runs = await Promise.all(names.map(async (name) => {
    const path = join(folder, name);
    try {
      return await readRun(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (!hasTrained(path)) return null;
      return { path, name, status: "broken" as const, reason: error.message };
    }
  }));
  return runs.filter((run) => run !== null);
}

/** Recognizes a folder in which a run has been: nothing else leaves this file. */
function hasTrained(path: string): boolean {
  return existsSync(runDirectory(path).environment);
}

/**
 * Finds the settings in which runs differ: each run's value, by name. Of runs of several kinds it
 * compares what all of these kinds have.
 */
export function differingSettings(runs: readonly RunRecord[]): Record<string, unknown[]> {
  const names = new Set(
    runs.flatMap(({ config }) => Object.keys(config)).filter((name) =>
      name === "kind" || new Set(runs.map(({ kind }) => kind)).size === 1 ||
      runs.every(({ kind }) => Object.hasOwn(kind.schema.shape, name))
    ),
  );
  const differing: Record<string, unknown[]> = {};
  for (const name of [...names].sort()) {
    const values = runs.map(({ config }) => config[name]);
    if (new Set(values.map((value) => JSON.stringify(value))).size > 1) differing[name] = values;
  }
  return differing;
}

/**
 * Deletes a run.
 *
 * @throws {UserError} when the folder is not that of a run, a process works on it, or it cannot be
 *   deleted
 */
export async function deleteRun(path: string): Promise<void> {
  if (!hasTrained(path)) await readRunConfig(path);
  if (RunLock.isHeld(path)) throw runInUse(path);
  const { config, environment } = runDirectory(path);
  const marks = [config, environment].map((file) => basename(file));
  try {
    // A deletion that is cut short leaves what marks a run, so that it can be repeated.
    for await (const { name } of Deno.readDir(path)) {
      if (!marks.includes(name)) await Deno.remove(join(path, name), { recursive: true });
    }
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    throw new UserError(`cannot delete ${path}: ${ioReason(error)}`, { cause: error });
  }
}
