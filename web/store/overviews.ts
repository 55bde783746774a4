import { isDivergenceKind } from "../../lib/runs/folder/failure.ts";
import { FLEET_STATE_FILE, parseFleetState } from "../../lib/runs/kinds/fleet/fleet_state.ts";
import type { RunKind } from "../../lib/runs/kinds/run_kind.ts";
import { LOCK_FILE, RunLock } from "../../lib/runs/folder/lock.ts";
import type { RunOverview, RunState } from "../shared/overview.ts";
import { parseObject } from "../shared/json_rows.ts";
import { lastLines } from "./json_lines.ts";
import { kindIn, unitOf } from "./kinds.ts";
import { stepSeconds } from "../shared/metric_columns.ts";
import type { RunsFolder } from "./runs_folder.ts";

/** Milliseconds after which a run whose files do not change has stopped. */
const SILENCE_MS = 120_000;
/** The same for slow steps, as a multiple of the duration of the last ones. */
const SILENT_STEPS = 10;

/** Milliseconds after which a file that changes again gets another modification time, on any file system. */
const GRAIN_MS = 3000;

/** Files that an overview is made from. */
const SOURCES = [
  "config.json",
  "metrics.jsonl",
  "summary.json",
  "environment.json",
  "failed.json",
  FLEET_STATE_FILE,
] as const;

interface Cached {
  /** Sizes and modification times of the sources. */
  stamp: string;
  /** Those of the folder and of `metrics.jsonl`, once no process writes here; null until then. */
  rest: string | null;
  /** Overview, but for the states that depend on the time. */
  overview: RunOverview;
  /** Time after which it counts as stopped, in milliseconds since 1970. */
  silentAt: number;
}

/** Overviews of the runs in a folder. Files are read again only after they have changed. */
export class Overviews {
  readonly #folder: RunsFolder;
  readonly #cache = new Map<string, Cached>();

  /** Reads nothing yet. */
  constructor(folder: RunsFolder) {
    this.#folder = folder;
  }

  /** Overviews of all runs, in no particular order. */
  async all(): Promise<RunOverview[]> {
    const names = this.#folder.names();
    for (const known of this.#cache.keys()) if (!names.includes(known)) this.#cache.delete(known);
    const overviews = await Promise.all(names.map((name) => this.of(name)));
    return overviews.filter((overview) => overview !== null);
  }

  /** Overview of a run; null when there is no such run. */
  async of(run: string): Promise<RunOverview | null> {
    const cached = this.#cache.get(run);
    const folder = this.#folder.stat(run, "");
    // A file that appears, goes or is replaced changes the folder's modification time.
    const rest = `${folder?.mtime} ${stampOf(this.#folder.stat(run, "metrics.jsonl"))}`;
    const atRest = cached?.rest === rest
      ? cached
      : await this.#check(run, rest, folder?.mtime ?? 0);
    if (atRest === null) return null;
    const { overview, silentAt } = atRest;
    const state = overview.state === "running" && Date.now() > silentAt
      ? "stopped"
      : overview.state;
    return { ...overview, state, secondsLeft: state === "running" ? overview.secondsLeft : null };
  }

  /** Checks all sources of a run, and reads them where one has changed. */
  async #check(run: string, rest: string, touched: number): Promise<Cached | null> {
    const files = SOURCES.map((name) => this.#folder.stat(run, name));
    const [config, metrics] = files;
    if (!config) return null;
    const inUse = this.#folder.stat(run, LOCK_FILE) !== null &&
      this.#folder.has(run, LOCK_FILE) && RunLock.isHeld(this.#folder.resolve(run)!);
    const stamp = [inUse, ...files.map(stampOf)].join();
    let cached = this.#cache.get(run);
    if (cached?.stamp !== stamp) {
      if (!this.#folder.has(run, "config.json")) return null;
      const changed = Math.max(config.mtime, metrics?.mtime ?? 0);
      cached = { stamp, rest: null, ...await this.#read(run, inUse, config.mtime, changed) };
      this.#cache.set(run, cached);
    }
    // A change within the resolution of the file system's clock would go unnoticed.
    if (!inUse && Date.now() - touched > GRAIN_MS) cached.rest = rest;
    return cached;
  }

  async #read(
    run: string,
    inUse: boolean,
    started: number,
    changed: number,
  ): Promise<Omit<Cached, "stamp" | "rest">> {
    const config = this.#folder.readJson(run, "config.json") ?? {};
    const summary = this.#folder.readJson(run, "summary.json");
    const { name: kindName, kind } = kindIn(config);
    const metrics = this.#folder.resolve(run, "metrics.jsonl");
    const lines = metrics === null ? [] : await lastLines(metrics, kind?.advice?.steps);
    const rows = lines.map((line) => parseObject(line)).filter((row) => row !== null);
    const row = rows.at(-1) ?? {};
    const step = numberOf(row.step) ?? 0;
    const steps = numberOf(config.steps) ?? numberOf(summary?.steps) ?? stepsOfEpochs(config, row);
    const seconds = rows.reduce((sum, row) => sum + stepSeconds(row, kind?.stepTimes ?? []), 0) /
      (rows.length || 1);
    const sessions = sessionsOf(this.#folder.readText(run, "environment.json"));
    const failure = inUse ? null : this.#folder.readJson(run, "failed.json");
    let state: RunState = "running";
    if (summary && step >= (steps ?? 0)) state = "finished";
    else if (failure) state = "failed";
    else if (!inUse && sessions.length > 0) state = "stopped";
    return {
      overview: {
        id: run,
        name: textOf(config.name) ?? run,
        kind: kindName,
        kindTitle: kind?.title ?? null,
        state,
        resumable: state !== "finished" && !isDivergenceKind(failure?.kind),
        failure: state === "failed" ? textOf(failure?.message) ?? "unknown reason" : null,
        advice: kind === null ? null : adviceOn(kind, rows),
        device: deviceOf(sessions) ?? textOf(config.device) ?? "unknown",
        model: textOf(config.model) ?? "unknown",
        step,
        steps,
        secondsLeft: steps !== null && seconds > 0 ? (steps - step) * seconds : null,
        headline: (kind?.headline ?? []).map(({ metric, label }) => ({
          label,
          unit: unitOf(kind!, metric),
          value: numberOf(row[metric]),
        })),
        changes: summary === null ? [] : kind?.changes(summary) ?? [],
        started: startOf(sessions) ?? started,
        fleet: inUse ? parseFleetState(this.#folder.readJson(run, FLEET_STATE_FILE)) : null,
      },
      // A run that holds its lock is running; files of other origin are judged by their age.
      silentAt: inUse ? Infinity : changed + Math.max(SILENCE_MS, SILENT_STEPS * seconds * 1000),
    };
  }
}

/** Advice of a kind by the last rows of a run; null where there is none, or too few of them. */
function adviceOn(
  { advice }: Pick<RunKind, "advice">,
  rows: readonly Record<string, unknown>[],
): string | null {
  return advice && rows.length >= advice.steps ? advice.of(rows.slice(-advice.steps)) : null;
}

/** Entries of an `environment.json`: one for each process that worked on the run. */
export function sessionsOf(text: string | null): Record<string, unknown>[] {
  try {
    const value = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

/** Time when the first process that worked on a run began; null where it was not recorded. */
function startOf(sessions: readonly Record<string, unknown>[]): number | null {
  return numberOf(Date.parse(textOf(sessions[0]?.started) ?? ""));
}

function deviceOf(sessions: readonly Record<string, unknown>[]): string | null {
  return textOf((sessions.at(-1)?.device as Record<string, unknown> | undefined)?.description);
}

/**
 * Steps of a run that counts in whole epochs, from what its last row has of them; null before the
 * first. Examples at the end of an epoch that do not fill a step are left out.
 */
function stepsOfEpochs(
  config: Record<string, unknown>,
  row: Record<string, unknown>,
): number | null {
  const [epochs, epoch, step] = [config.epochs, row.epoch, row.step].map(numberOf);
  if (epochs === null || epoch === null || step === null || epoch <= 0) return null;
  return epochs * Math.floor(step / epoch + 1e-6);
}

function stampOf(file: { size: number; mtime: number } | null): string {
  return file ? `${file.size} ${file.mtime}` : "-";
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
