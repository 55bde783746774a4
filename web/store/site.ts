import { hasChatTemplate } from "../../lib/runs/loading/chat_template.ts";
import type { Measured } from "../../lib/runs/kinds/run_kind.ts";
import { dialogueOf } from "../shared/dialogue.ts";
import type { RunOverview } from "../shared/overview.ts";
import type { RunTab } from "../shared/paths.ts";
import type { AllowedSources } from "./allowed_sources.ts";
import { COMPARISON_FILES, readComparison } from "../shared/comparison.ts";
import { kindNamed } from "./kinds.ts";
import { RunMetrics } from "./metrics.ts";
import { Overviews } from "./overviews.ts";
import { RunsFolder } from "./runs_folder.ts";
import { SampleIndex } from "./sample_index.ts";
import { TryQueue } from "./try_queue.ts";

/** Maximum number of runs whose statistics or samples stay in memory. */
const KEPT_RUNS = 16;

/** Sources of all pages. */
export class Site {
  /** Files of the runs. */
  readonly folder: RunsFolder;
  /** Overviews of the runs. */
  readonly overviews: Overviews;
  /** Aborts when the server ends, and with it all that waits or streams. */
  readonly stopping: AbortSignal;
  /** Queue of requests to try adapters. */
  readonly tries: TryQueue;
  readonly #training: boolean;
  readonly #metrics = new Map<string, RunMetrics>();
  readonly #samples = new Map<string, SampleIndex>();

  /**
   * Reads nothing yet.
   *
   * @param training true in a process that trains, and so has no room for other models
   * @param allowed models and rewards of runs that may be tried though they lie elsewhere or run code
   */
  constructor(
    runs: string,
    stopping: AbortSignal,
    training: boolean = false,
    allowed: AllowedSources = {},
  ) {
    this.folder = new RunsFolder(runs);
    this.overviews = new Overviews(this.folder);
    this.tries = new TryQueue(this.folder, allowed);
    this.stopping = stopping;
    this.#training = training;
  }

  /** Statistics of a run as they are now; null when it has none, or charts for its kind are missing. */
  async metrics({ id, kind: name }: RunOverview): Promise<RunMetrics | null> {
    const kind = kindNamed(name);
    const path = this.folder.resolve(id, "metrics.jsonl");
    if (path === null || kind === null) return null;
    const metrics = kept(this.#metrics, `${path} ${name}`, () => new RunMetrics(path, kind));
    await metrics.update();
    return metrics;
  }

  /** Samples of a run up to now; null when there are none. */
  async samples(run: string): Promise<SampleIndex | null> {
    const path = this.folder.resolve(run, "samples.jsonl");
    if (path === null) return null;
    const samples = kept(this.#samples, path, () => new SampleIndex(path));
    await samples.update();
    return samples;
  }

  /** Numbers of a run that were measured before its first step; empty where there are none yet. */
  before({ id, kind }: RunOverview): Measured[] {
    const reader = kindNamed(kind)?.before;
    const measurement = reader && this.folder.readJson(id, reader.file);
    return measurement ? reader.read(measurement) : [];
  }

  /** Pages that there is something on, in the order of their tabs. */
  tabs({ id, kind }: RunOverview): RunTab[] {
    const has = (...names: string[]) => names.some((name) => this.folder.has(id, name));
    const tabs: [RunTab, boolean][] = [
      ["", true],
      ["/samples", has("samples.jsonl")],
      ["/comparison", has(...COMPARISON_FILES, "pairs.jsonl")],
      ["/settings", true],
      ["/try", kindNamed(kind)?.answerSettings !== undefined],
    ];
    return tabs.filter(([, there]) => there).map(([tab]) => tab);
  }

  /** Reason why a run's adapter cannot be tried; null when it can. */
  tryObstacle({ id, kind }: RunOverview): string | null {
    if (this.#training) {
      return "The process that serves this page is training and keeps the device to itself. " +
        "Start another server to try adapters: temper ui " + this.folder.path;
    }
    if (!kindNamed(kind)?.answerSettings) {
      return "Runs of this kind do not train a model to write text.";
    }
    return this.tries.obstacle(id);
  }

  /** Tells whether a run's model holds conversations. */
  async chats(run: string): Promise<boolean> {
    const { model, chatTemplate } = this.folder.readJson(run, "config.json") ?? {};
    return typeof model === "string" &&
      (typeof chatTemplate === "string" || await hasChatTemplate(model));
  }

  /**
   * Text to start with: the one whose response gained most by training; empty without one. A run with
   * a template takes dialogues; another one whole prompts.
   */
  example(run: string): { isDialogue: boolean; text: string } {
    const rows = readComparison((file) => this.folder.readText(run, file))?.rows ?? [];
    const template = this.folder.readJson(run, "config.json")?.prompt;
    const isDialogue = typeof template === "string";
    if (rows.length === 0) return { isDialogue, text: "" };
    const best = rows.reduce((best, row) => row.difference > best.difference ? row : best);
    return { isDialogue, text: dialogueOf(best.query, isDialogue ? template : "{dialogue}") };
  }
}

/** Takes a value from a cache, else creates it; the one that was not used for longest is dropped. */
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
