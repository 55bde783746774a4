import { LOCK_FILE, RunLock } from "../../lib/runs/folder/lock.ts";
import type { RunOverview, RunState } from "../shared/overview.ts";
import { lastLines, parseObject } from "./json_lines.ts";
import { stepSeconds } from "./metrics.ts";
import type { RunsFolder } from "./runs_folder.ts";

/** A run whose files have not changed for so long does not run any more. */
const SILENCE_MS = 120_000;
/** The same for slow steps: so many times as long as the last ones took. */
const SILENT_STEPS = 10;

/** Milliseconds after which a file that changes again has another time, on any file system. */
const GRAIN_MS = 3000;

/** The files that an overview is made from. */
const SOURCES = [
  "config.json",
  "metrics.jsonl",
  "summary.json",
  "environment.json",
  "failed.json",
] as const;

interface Cached {
  /** Sizes and times of the sources. */
  stamp: string;
  /** Those of the folder and what is appended to, once nobody writes here; null until then. */
  rest: string | null;
  /** The overview, with the state left to be told from the time. */
  overview: RunOverview;
  /** Milliseconds since 1970 after which it is taken as stopped. */
  silentAt: number;
}

/** Overviews of the runs in a folder. Files are read again only when they have changed. */
export class Overviews {
  readonly #folder: RunsFolder;
  readonly #cache = new Map<string, Cached>();

  /** Reads nothing yet. */
  constructor(folder: RunsFolder) {
    this.#folder = folder;
  }

  /** All runs, in no order. */
  async all(): Promise<RunOverview[]> {
    const names = this.#folder.names();
    for (const known of this.#cache.keys()) if (!names.includes(known)) this.#cache.delete(known);
    const overviews = await Promise.all(names.map((name) => this.of(name)));
    return overviews.filter((overview) => overview !== null);
  }

  /** A run's overview; null when there is no such run. */
  async of(run: string): Promise<RunOverview | null> {
    const cached = this.#cache.get(run);
    const folder = this.#folder.stat(run, "");
    // Files appear, go and are replaced with a new time of the folder's.
    const rest = `${folder?.mtime} ${stampOf(this.#folder.stat(run, "metrics.jsonl"))}`;
    const atRest = cached?.rest === rest ? cached : await this.#look(run, rest, folder?.mtime ?? 0);
    if (atRest === null) return null;
    const { overview, silentAt } = atRest;
    const state = overview.state === "running" && Date.now() > silentAt
      ? "stopped"
      : overview.state;
    return { ...overview, state, secondsLeft: state === "running" ? overview.secondsLeft : null };
  }

  /** Looks at all sources of a run, and reads them where one has changed. */
  async #look(run: string, rest: string, touched: number): Promise<Cached | null> {
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
    // What is written within the grain of the clock would not be seen.
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
    const metrics = this.#folder.resolve(run, "metrics.jsonl");
    const lines = metrics === null ? [] : await lastLines(metrics);
    const rows = lines.map((line) => parseObject(line)).filter((row) => row !== null);
    const row = rows.at(-1) ?? {};
    const step = numberOf(row.step) ?? 0;
    const steps = numberOf(config.steps) ?? 0;
    const seconds = rows.reduce((sum, row) => sum + stepSeconds(row), 0) / (rows.length || 1);
    const sessions = sessionsOf(this.#folder.readText(run, "environment.json"));
    const failure = inUse ? null : this.#folder.readJson(run, "failed.json");
    let state: RunState = "running";
    if (summary && step >= steps) state = "finished";
    else if (failure) state = "failed";
    else if (!inUse && sessions.length > 0) state = "stopped";
    return {
      overview: {
        id: run,
        name: textOf(config.name) ?? run,
        kind: "maxTargetLength" in config ? "sft" : "ppo",
        state,
        failure: state === "failed" ? textOf(failure?.message) ?? "It is not known why." : null,
        device: deviceOf(sessions) ?? textOf(config.device) ?? "unknown",
        model: textOf(config.model) ?? "unknown",
        step,
        steps,
        secondsLeft: seconds > 0 ? (steps - step) * seconds : null,
        reward: numberOf(row["ppo/mean_scores"]),
        kl: numberOf(row["objective/kl"]),
        loss: numberOf(row.loss),
        toxicity: toxicityOf(summary),
        started,
      },
      // Where a run holds a lock, that tells; files of other origin are judged by their age.
      silentAt: inUse ? Infinity : changed + Math.max(SILENCE_MS, SILENT_STEPS * seconds * 1000),
    };
  }
}

/** The entries of an `environment.json`, one a process that worked on the run. */
export function sessionsOf(text: string | null): Record<string, unknown>[] {
  try {
    const value = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function deviceOf(sessions: readonly Record<string, unknown>[]): string | null {
  return textOf((sessions.at(-1)?.device as Record<string, unknown> | undefined)?.description);
}

function toxicityOf(summary: Record<string, unknown> | null): RunOverview["toxicity"] {
  const toxicity = summary?.toxicity as Record<string, { mean?: unknown }> | undefined;
  const before = numberOf(toxicity?.before?.mean);
  const after = numberOf(toxicity?.after?.mean);
  return before === null || after === null ? null : { before, after };
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
