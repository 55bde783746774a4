import { UserError } from "../../lib/errors.ts";
import type { Answers, Question } from "../../lib/runs/commands/side_by_side.ts";
import { type AllowedSources, forbiddenSource } from "./allowed_sources.ts";
import { kindIn } from "./kinds.ts";
import type { RunsFolder } from "./runs_folder.ts";
import type { TryEvent } from "../shared/try_events.ts";
import { TryModel } from "./try_model.ts";

/** Milliseconds without a request after which the model is freed. */
const IDLE_MS = 5 * 60_000;
/** Maximum number of requests that wait. */
const LONGEST_QUEUE = 8;

/** A model in memory. */
interface Loaded {
  /** Path of the adapter that it was loaded from, with its modification time. */
  key: string;
  model: TryModel;
}

/** Queue in which models respond to requests, one at a time; the last model stays loaded. */
export class TryQueue {
  readonly #folder: RunsFolder;
  readonly #allowed: AllowedSources;
  /** Callers, the first of which is served while the others wait. */
  readonly #waiting: { moved: () => void }[] = [];
  #loaded: Loaded | null = null;
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** Loads nothing yet. */
  constructor(folder: RunsFolder, allowed: AllowedSources = {}) {
    this.#folder = folder;
    this.#allowed = allowed;
  }

  /** Reason why a run cannot be tried; null when it can. */
  obstacle(run: string): string | null {
    if (this.#folder.adapters(run).length > 0) {
      return forbiddenSource(this.#folder.readJson(run, "config.json") ?? {}, this.#allowed);
    }
    if (this.#folder.has(run, "model")) {
      return "This run trained all weights, so there is no adapter to switch off: its first page has " +
        "the command that answers with the trained model.";
    }
    return "This run has no adapter yet: it saves one with each checkpoint and at its end.";
  }

  /**
   * Responds to a question.
   *
   * @param adapter name of one of the run's adapters
   * @param listener told the place in the queue, and at the end the answers or the reason for a failure
   * @param signal withdraws the request while it waits
   */
  async ask(
    run: string,
    adapter: string,
    question: Question,
    listener: (event: TryEvent) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#waiting.length >= LONGEST_QUEUE) {
      return await listener({
        type: "failed",
        reason: `${LONGEST_QUEUE} requests are waiting already: try again in a moment.`,
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
      await listener({ type: "answered", answers: await this.#answer(run, adapter, question) });
    } catch (error) {
      const refused = error instanceof Deno.errors.NotCapable;
      if (!refused && !(error instanceof UserError)) throw error;
      const reason = refused ? `This site was not allowed to: ${error.message}` : error.message;
      await listener({ type: "failed", reason });
    } finally {
      this.#waiting.splice(this.#waiting.indexOf(place), 1);
      for (const { moved } of this.#waiting) moved();
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.#rest(), IDLE_MS);
      Deno.unrefTimer(this.#idle);
    }
  }

  /** Frees the model. A request that it is responding to fails. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const model = this.#loaded?.model;
    this.#loaded = null;
    await model?.close();
  }

  /** Frees the model, unless it is in use. */
  #rest(): void {
    if (this.#waiting.length === 0) this.close();
  }

  async #answer(
    run: string,
    adapter: string,
    question: Question,
  ): Promise<Answers> {
    try {
      const model = await this.#load(run, adapter);
      return await model.answer(question);
    } catch (error) {
      // Its thread may be gone.
      await this.close();
      throw error;
    }
  }

  async #load(run: string, name: string): Promise<TryModel> {
    const adapter = this.#folder.resolve(run, name);
    const weights = this.#folder.adapterWeights(run, name);
    const folder = this.#folder.resolve(run);
    if (!adapter || !weights || !folder) {
      throw new UserError(`This run no longer has its ${name}: load this page again.`);
    }
    const key = `${adapter} ${(await Deno.stat(weights)).mtime?.getTime()}`;
    if (this.#loaded?.key === key) return this.#loaded.model;
    const config = this.#folder.readJson(run, "config.json") ?? {};
    // The settings may have changed since the page looked.
    const forbidden = forbiddenSource(config, this.#allowed);
    if (forbidden !== null) throw new UserError(forbidden);
    const { name: kindName, kind } = kindIn(config);
    if (!kind) throw new UserError(`Temper does not know runs of kind ${kindName}.`);
    const settings = kind.answerSettings?.(kind.resolve(config));
    if (!settings) {
      throw new UserError(`Runs of kind ${kindName} do not train a model to write text.`);
    }
    // Toxicity comes beside the answers: they can be had without what measures it.
    const measurer = settings.toxicityModel ?? [];
    const measures = forbiddenSource({ reward: measurer }, this.#allowed) === null;
    await this.close();
    const model = new TryModel();
    this.#loaded = { key, model };
    await model.open(measures ? settings : { ...settings, toxicLabel: undefined }, adapter);
    return model;
  }
}
