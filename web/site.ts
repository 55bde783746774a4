import { RunMetrics } from "./store/metrics.ts";
import { Overviews } from "./store/overviews.ts";
import { RunsFolder } from "./store/runs_folder.ts";

/** Runs whose statistics are kept in memory. */
const KEPT_METRICS = 16;

/** What all pages are made from. */
export class Site {
  /** The runs' files. */
  readonly folder: RunsFolder;
  /** The runs' headlines. */
  readonly overviews: Overviews;
  /** Aborted when the server is to end: whatever waits or streams ends, too. */
  readonly stopping: AbortSignal;
  readonly #metrics = new Map<string, RunMetrics>();

  /** Reads nothing yet. */
  constructor(runs: string, stopping: AbortSignal) {
    this.folder = new RunsFolder(runs);
    this.overviews = new Overviews(this.folder);
    this.stopping = stopping;
  }

  /** The statistics of a run as they are now; null when there are none. */
  async metrics(run: string): Promise<RunMetrics | null> {
    const path = this.folder.resolve(run, "metrics.jsonl");
    if (path === null) return null;
    const metrics = this.#metrics.get(path) ?? new RunMetrics(path);
    // The one that was asked for last is the last to be forgotten.
    this.#metrics.delete(path);
    this.#metrics.set(path, metrics);
    for (const oldest of this.#metrics.keys()) {
      if (this.#metrics.size <= KEPT_METRICS) break;
      this.#metrics.delete(oldest);
    }
    await metrics.update();
    return metrics;
  }
}
