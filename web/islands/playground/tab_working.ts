import { type Signal, signal } from "@preact/signals";
import type { TabWork, TemperWorker, WorkListeners } from "../../../lib/browser/page.ts";
import { GivenFiles } from "./own_files.ts";
import { startWorker, withText } from "./page_worker.ts";
import { pathOf } from "./picked_files.ts";
import { addressOf, newWork, type ShownWork, type WorkChoices } from "./work_state.ts";

/** Work of this tab for a run elsewhere, and what the page shows of it. */
export class TabWorking {
  readonly shown: Signal<ShownWork | null> = signal(null);
  /** Lines that the worker told, the latest last. */
  readonly notes: Signal<readonly string[]> = signal([]);

  readonly #given = new GivenFiles();
  #worker: Promise<TemperWorker> | null = null;
  #work: TabWork | null = null;

  /** Works until the user stops it. Mistakes are shown. */
  async start(choices: WorkChoices): Promise<void> {
    const wanted = choices.run.trim();
    this.notes.value = [];
    this.shown.value = newWork(wanted);
    try {
      const worker = await (this.#worker ??= startWorker({
        // The page itself may not open WebSockets.
        worker: new URL("work-worker.js", document.baseURI),
      }));
      const { ownModel, ownClassifier, device } = choices;
      if (ownModel) await this.#given.give(worker, "models", ownModel);
      if (ownClassifier) await this.#given.give(worker, "classifiers", ownClassifier);
      // The user may have stopped it meanwhile.
      if (this.shown.value.phase === "stopping") return this.#change({ phase: "stopped" });
      this.#work = worker.work({ url: addressOf(choices) }, {
        device,
        run: wanted === "" ? null : wanted,
        model: ownModel && pathOf("models", ownModel),
        rewards: ownClassifier ? [pathOf("classifiers", ownClassifier)] : [],
        on: this.#listeners(),
      });
      await this.#work.finished;
      this.#change({ phase: "stopped" });
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      this.#change({ phase: "failed", failure });
    } finally {
      this.#work = null;
    }
  }

  /** Ends the work after the responses at hand. */
  stop(): void {
    this.#work?.stop();
    this.#change({ phase: "stopping" });
  }

  #listeners(): WorkListeners {
    const change = (change: Partial<ShownWork>) => {
      if (this.shown.value?.phase !== "stopping") this.#change(change);
    };
    return {
      info: (text) => this.notes.value = withText(this.notes.value, text),
      waiting: () => change({ phase: "searching" }),
      found: ({ run, kind, device }) => change({ phase: "loading", run, kind, device }),
      working: ({ step, rollouts }) => change({ phase: "responding", step, current: rollouts }),
      worked: (done) => {
        const { rollouts, tokens, seconds } = this.shown.value!;
        this.#change({
          rollouts: rollouts + done.rollouts,
          tokens: tokens + done.tokens,
          seconds: seconds + done.seconds,
        });
        change({ phase: "waiting" });
      },
    };
  }

  #change(change: Partial<ShownWork>): void {
    this.shown.value = { ...this.shown.value!, ...change };
  }
}
