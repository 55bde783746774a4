import type { RunOverview } from "../shared/overview.ts";
import { RunMetrics } from "./metrics.ts";
import { Overviews } from "./overviews.ts";
import { RunsFolder } from "./runs_folder.ts";
import { dialogueOf, parseComparison } from "./comparison.ts";
import { SampleIndex } from "./sample_index.ts";
import { TryQueue } from "./try_queue.ts";

/** Runs of which statistics or samples are kept in memory. */
const KEPT_RUNS = 16;

/** What all pages are made from. */
export class Site {
  /** The runs' files. */
  readonly folder: RunsFolder;
  /** The runs' headlines. */
  readonly overviews: Overviews;
  /** Aborted when the server is to end: whatever waits or streams ends, too. */
  readonly stopping: AbortSignal;
  /** The models that can be tried. */
  readonly tries: TryQueue;
  readonly #training: boolean;
  readonly #metrics = new Map<string, RunMetrics>();
  readonly #samples = new Map<string, SampleIndex>();

  /**
   * Reads nothing yet.
   *
   * @param training whether this process trains, and so has no room for other models
   */
  constructor(runs: string, stopping: AbortSignal, training: boolean = false) {
    this.folder = new RunsFolder(runs);
    this.overviews = new Overviews(this.folder);
    this.tries = new TryQueue(this.folder);
    this.stopping = stopping;
    this.#training = training;
  }

  /** The statistics of a run as they are now; null when there are none. */
  async metrics(run: string): Promise<RunMetrics | null> {
    const path = this.folder.resolve(run, "metrics.jsonl");
    if (path === null) return null;
    const metrics = kept(this.#metrics, path, () => new RunMetrics(path));
    await metrics.update();
    return metrics;
  }

  /** What was said in a run up to now; null when there is nothing. */
  async samples(run: string): Promise<SampleIndex | null> {
    const path = this.folder.resolve(run, "samples.jsonl");
    if (path === null) return null;
    const samples = kept(this.#samples, path, () => new SampleIndex(path));
    await samples.update();
    return samples;
  }

  /** What there is to say against trying a run's adapter; null when there is nothing. */
  tryObstacle({ id, kind }: RunOverview): string | null {
    if (this.#training) {
      return "The process that serves this page is training and keeps the device to itself. " +
        "Start another server to try adapters: temper ui " + this.folder.path;
    }
    if (kind === "sft") {
      return "A run of supervised fine-tuning has no reward to compare by. Try what it has learnt " +
        "with temper generate: the run's first page has the command.";
    }
    return this.tries.obstacle(id);
  }

  /** A dialogue to start with: the one whose summary gained most by training; empty without one. */
  exampleDialogue(run: string): string {
    const [first] = parseComparison(this.folder.readText(run, "comparison.csv"));
    const template = this.folder.readJson(run, "config.json")?.prompt;
    return first && typeof template === "string" ? dialogueOf(first.query, template) : "";
  }
}

/** What is kept under a name, else a new one; the one that was not asked for longest is forgotten. */
function kept<T>(cache: Map<string, T>, name: string, create: () => T): T {
  const value = cache.get(name) ?? create();
  cache.delete(name);
  cache.set(name, value);
  for (const oldest of cache.keys()) {
    if (cache.size <= KEPT_RUNS) break;
    cache.delete(oldest);
  }
  return value;
}
