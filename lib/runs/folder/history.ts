import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../../errors.ts";
import { ioReason } from "../../platform/io_error.ts";
import type { TrainConfig } from "../settings/config.ts";
import type { MetricsRow } from "./export.ts";
import { type Failure, readFailure } from "./failure.ts";
import { runInUse, RunLock } from "./lock.ts";
import { readMetrics } from "./metrics.ts";
import { readRunConfig, runDirectory } from "./run_directory.ts";
import { readSummary, type Summary } from "./summary.ts";

/** What is known of a run from its folder. */
export interface RunRecord {
  /** The folder. */
  path: string;
  /** Its name. */
  name: string;
  /** Whether a process works on it, it is done, an error ended it, or it was stopped. */
  status: "running" | "finished" | "failed" | "stopped";
  /** Its settings. */
  config: Partial<TrainConfig>;
  /** A row of statistics a step. */
  metrics: MetricsRow[];
  /** Toxicity and reward before and after; null until the run is finished. */
  summary: Summary | null;
  /** The error that ended it; null unless it has failed. */
  failure: Failure | null;
}

/** A run that cannot be read. */
export interface BrokenRun {
  /** The folder. */
  path: string;
  /** Its name. */
  name: string;
  /** Tells it from a {@linkcode RunRecord}. */
  status: "broken";
  /** What is wrong, naming the file. */
  reason: string;
}

/**
 * Reads what is known of a run.
 *
 * @throws {UserError} when the folder is not that of a training run, or naming the file of it that is
 *   broken
 */
export async function readRun(path: string): Promise<RunRecord> {
  const directory = runDirectory(path);
  const config = await readRunConfig(path);
  const summary = await readSummary(directory.summary);
  const running = RunLock.isHeld(path);
  const failure = running || summary ? null : await readFailure(path);
  const ended = summary ? "finished" : failure ? "failed" : "stopped";
  const status = running ? "running" : ended;
  const metrics = await readMetrics(directory.metrics);
  return { path, name: basename(path), status, config, metrics, summary, failure };
}

/**
 * Reads the training runs in a folder, by name, those that are broken among them; other folders in it
 * are left out.
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

/** Whether a training run has been in a folder: nothing else leaves this file. */
function hasTrained(path: string): boolean {
  return existsSync(runDirectory(path).environment);
}

/** Settings in which runs differ: each run's value, by name. */
export function differingSettings(runs: readonly RunRecord[]): Record<string, unknown[]> {
  const names = new Set(runs.flatMap(({ config }) => Object.keys(config)));
  const differing: Record<string, unknown[]> = {};
  for (const name of [...names].sort()) {
    const values = runs.map(({ config }) => config[name as keyof TrainConfig]);
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
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    throw new UserError(`cannot delete ${path}: ${ioReason(error)}`, { cause: error });
  }
}
