import { UserError } from "../../lib/errors.ts";
import type { SideBySide } from "../../lib/runs/commands/side_by_side.ts";
import type { RunsFolder } from "./runs_folder.ts";
import type { TryEvent } from "../shared/try_events.ts";

/** Milliseconds without a request after which the model leaves the memory. */
const IDLE_MS = 5 * 60_000;
/** Requests that may wait. */
const LONGEST_QUEUE = 8;

/** A model in memory. */
interface Loaded {
  /** The run, and when its adapter was written: what it was loaded from. */
  key: string;
  model: SideBySide;
}

/** Lets models respond to requests, one at a time; the model that was used last stays loaded. */
export class TryQueue {
  readonly #folder: RunsFolder;
  /** Callers that wait, the first one being served. */
  readonly #waiting: { moved: () => void }[] = [];
  #loaded: Loaded | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** Loads nothing yet. */
  constructor(folder: RunsFolder) {
    this.#folder = folder;
  }

  /** What there is to say against trying a run; null when there is nothing. */
  obstacle(run: string): string | null {
    if (this.#folder.adapters(run).length > 0) return null;
    return "This run has not saved its adapter yet: it does so every few steps and at its end.";
  }

  /**
   * Responds to a text.
   *
   * @param adapter name of one of the run's adapters
   * @param listener told the place in the queue, and at the end the answers or what went wrong
   * @param signal withdraws the request while it waits
   */
  async ask(
    run: string,
    adapter: string,
    text: string,
    listener: (event: TryEvent) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#waiting.length >= LONGEST_QUEUE) {
      return await listener({
        type: "failed",
        reason: `${LONGEST_QUEUE} requests are waiting already: try again in a while.`,
      });
    }
    const place = { moved: () => {} };
    this.#waiting.push(place);
    signal.addEventListener("abort", () => place.moved());
    try {
      for (let ahead; (ahead = this.#waiting.indexOf(place)) > 0;) {
        if (signal.aborted) return;
        await listener({ type: "waiting", ahead });
        // The place may have changed while the listener was told.
        if (this.#waiting.indexOf(place) < ahead || signal.aborted) continue;
        await new Promise<void>((resolve) => place.moved = resolve);
      }
      if (signal.aborted) return;
      await listener({ type: "running" });
      const model = await this.#load(run, adapter);
      await listener({ type: "answered", answers: await model.answer(text) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      await listener({ type: "failed", reason: error.message });
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(place), 1);
      for (const { moved } of this.#waiting) moved();
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.close(), IDLE_MS);
      Deno.unrefTimer(this.#idle);
    }
  }

  /** Frees the model, unless it is at work. */
  close(): void {
    if (this.#waiting.length > 0) return;
    clearTimeout(this.#idle);
    this.#loaded?.model.close();
    this.#loaded = null;
  }

  async #load(run: string, name: string): Promise<SideBySide> {
    const adapter = this.#folder.resolve(run, name);
    const weights = this.#folder.adapterWeights(run, name);
    const folder = this.#folder.resolve(run);
    if (!adapter || !weights || !folder) {
      throw new UserError(`${name} of this run is gone: load this page again.`);
    }
    const key = `${adapter} ${(await Deno.stat(weights)).mtime?.getTime()}`;
    if (this.#loaded?.key === key) return this.#loaded.model;
    this.#loaded?.model.close();
    this.#loaded = null;
    // Models and kernels are loaded when they are needed: most readers only look at curves.
    const { SideBySide } = await import("../../lib/runs/commands/side_by_side.ts");
    const { readRunConfig } = await import("../../lib/runs/folder/run_directory.ts");
    const { resolveTrainConfig } = await import("../../lib/runs/settings/config.ts");
    const settings = resolveTrainConfig(await readRunConfig(folder));
    const model = await SideBySide.open(settings, adapter);
    this.#loaded = { key, model };
    return model;
  }
}
