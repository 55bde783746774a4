import { batch, type Signal, signal } from "@preact/signals";
import type { BrowserFacts, KeptRun, RunEvents } from "../../../lib/browser/protocol.ts";
import type { TabOptions, TabRun, TemperWorker } from "../../../lib/browser/page.ts";
import type { Answers, Question } from "../../../lib/runs/commands/side_by_side.ts";
import type { RunSeries } from "../../shared/charts.ts";
import type { ReadText } from "../../shared/comparison.ts";
import { type JsonRow, rowsIn } from "../../shared/json_rows.ts";
import { MetricColumns } from "../../shared/metric_columns.ts";
import type { SampleSet } from "../../shared/samples.ts";
import { runSeries } from "../../shared/thin.ts";
import { type Choices, OWN_REWARD, type PlaygroundKind, settingsOf } from "./choices.ts";
import { forgetReward, keepReward, keptReward } from "./kept_rewards.ts";
import { chosenFiles, GivenFiles, type OwnFiles, pickedAs } from "./own_files.ts";
import { startWorker, withText } from "./page_worker.ts";
import { pathOf, type Picked } from "./picked_files.ts";
import { measuredText, NO_FILES, readRunFiles, textOf, textsIn } from "./run_files.ts";
import { canBeTried, hasEnded, type ShownRun } from "./run_state.ts";
import { SandboxedReward } from "./sandboxed_reward.ts";
import { setsIn } from "./sample_rows.ts";

/** Milliseconds between two drawings of the charts: steps may come faster than anybody can look. */
const DRAW_MS = 400;
/** Maximum number of sets of samples that are shown. */
const SHOWN_SETS = 6;

/** Training in this tab, and what the page shows of it. */
export class TabTraining {
  /** Abilities of this browser; null until they are known. */
  readonly facts: Signal<BrowserFacts | null> = signal(null);
  /** Reason why nothing can be trained here; null for none. */
  readonly obstacle: Signal<string | null> = signal(null);
  readonly run: Signal<ShownRun | null> = signal(null);
  readonly series: Signal<RunSeries | null> = signal(null);
  readonly samples: Signal<readonly SampleSet[]> = signal([]);
  /** Lines that the run told, the latest last. */
  readonly notes: Signal<readonly string[]> = signal([]);
  readonly kept: Signal<readonly KeptRun[]> = signal([]);
  /** Reason why a run could not be shown or removed; null for none. */
  readonly keptFailure: Signal<string | null> = signal(null);

  readonly #given = new GivenFiles();
  #worker: Promise<TemperWorker> | null = null;
  #training: TabRun | null = null;
  #reward: SandboxedReward | null = null;
  #loaded: string | null = null;
  #columns: MetricColumns | null = null;
  #latest: readonly SampleSet[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #drawing: ReturnType<typeof setTimeout> | null = null;

  /** Takes the algorithms that runs can be of. */
  constructor(private readonly kinds: readonly PlaygroundKind[]) {}

  /** Loads the module, and learns what this browser can do. */
  async open(): Promise<void> {
    try {
      const worker = await this.#start();
      this.facts.value = worker.facts;
      await this.listKept();
    } catch (error) {
      this.obstacle.value = messageOf(error);
    }
  }

  /** Lists the runs in the browser's storage. */
  async listKept(): Promise<void> {
    this.kept.value = await this.#inTurn((worker) => worker.runs());
  }

  /** True while a run is under way. */
  get isBusy(): boolean {
    return this.run.value !== null && !hasEnded(this.run.value);
  }

  /** Trains what was chosen. Mistakes are shown with the run. */
  async train(choices: Choices, pauseWhenHidden: boolean): Promise<void> {
    const kind = this.kinds.find(({ kind }) => kind === choices.kind)!;
    this.#begin(kind, "");
    try {
      const settings = settingsOf(choices, kind);
      const worker = await this.#start();
      await this.#unload(worker);
      for (const [part, picked] of chosenFiles(choices, kind)) {
        await this.#given.give(worker, part, picked);
      }
      const script = kind.hasRewards && choices.reward === "script" ? choices.script : null;
      const rewards = await this.#openReward(script);
      await this.#follow(
        worker.train(kind.kind, settings, {
          rewards,
          pauseWhenHidden,
          on: this.#listeners(script),
        }),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /**
   * Goes on with a run that was kept, with its own model, data and rewards.
   *
   * @param choices files that were picked in the form are taken where they are the run's
   */
  async resume(name: string, choices: Choices, pauseWhenHidden: boolean): Promise<void> {
    const kept = this.kept.value.find((run) => run.name === name);
    if (kept && this.run.value?.name !== name) await this.show(kept);
    if (this.run.value?.name !== name) return;
    const { phase, settings } = this.run.value;
    this.#change({ phase: "starting", failure: null });
    try {
      const worker = await this.#start();
      await this.#unload(worker);
      for (const { kind, path } of this.#given.missingOf(settings)) {
        const picked = pickedAs(choices, kind);
        if (picked && pathOf(kind, picked) === path) await this.#given.give(worker, kind, picked);
      }
      const missing = this.#given.missingOf(settings).map(({ name }) => name);
      if (missing.length > 0) {
        const failure = "the run's own files are gone since the page was loaded: drop " +
          `${missing.join(" and ")} below, then resume the run`;
        return this.#change({ phase, failure });
      }
      const script = keptReward(name);
      const rewards = await this.#openReward(script);
      await this.#follow(
        worker.resume(name, {}, { rewards, pauseWhenHidden, on: this.#listeners(script) }),
      );
    } catch (error) {
      this.#askAnew(error);
      this.#fail(error);
    }
  }

  /** Files of the shown run that are gone, and needed to go on with it or to try its model. */
  get missing(): OwnFiles[] {
    if (this.run.value === null || this.isBusy) return [];
    const run = this.run.value;
    const missing = this.#given.missingOf(run.settings);
    if (run.phase !== "finished") return missing;
    return canBeTried(run) ? missing.filter(({ kind }) => kind !== "data") : [];
  }

  /** Takes files of the shown run that were gone. @throws {Error} when they are others */
  async giveBack({ kind, path, name }: OwnFiles, picked: Picked): Promise<void> {
    if (pathOf(kind, picked) !== path) {
      throw new Error(`the run needs ${name}, this is ${picked.name}`);
    }
    await this.#given.give(await this.#start(), kind, picked);
    this.#change({ failure: null });
    await this.#learnToTry();
  }

  /** Shows a run that was kept, as its files have it. */
  async show(run: KeptRun): Promise<void> {
    this.keptFailure.value = null;
    try {
      await this.#show(run);
    } catch (error) {
      this.run.value = null;
      this.keptFailure.value = messageOf(error);
    }
  }

  async #show({ name, kind, status, failure, step, steps }: KeptRun): Promise<void> {
    const known = this.kinds.find((known) => known.kind === kind);
    if (!known) throw new Error(`${name} is of a kind that this page does not know`);
    this.#begin(known, name);
    const read = await this.#readFiles();
    for (const row of rowsIn(read("metrics.jsonl") ?? "")) this.#columns!.append(row);
    const samples = rowsIn(read("samples.jsonl") ?? "");
    const last = samples.at(-1)?.step;
    this.#latest = setsIn(Number(last ?? 0), samples.filter((row) => row.step === last));
    this.#draw();
    const phase = status === "running" ? "stopped" : status;
    this.#change({ phase, failure, step, steps });
    await this.#learnToTry();
  }

  /** Points of the charts in a part of the run. */
  seriesIn(range: { from: number; to: number } | null): RunSeries | null {
    const whole = this.series.value;
    return range === null || whole === null
      ? whole
      : runSeries(this.#columns!, range, { all: true });
  }

  /** Lets the run wait after its step. */
  pause(): void {
    this.#training?.pause();
    this.#change({ phase: "pausing" });
  }

  /** Lets it go on. */
  goOn(): void {
    this.#training?.goOn();
  }

  /** Stops it after its step. */
  stop(): void {
    this.#training?.stop();
    this.#change({ phase: "stopping" });
  }

  /** Removes a run from the browser's storage. */
  async remove(name: string): Promise<void> {
    this.keptFailure.value = null;
    try {
      await this.#inTurn((worker) => worker.remove(name));
      forgetReward(name);
      if (this.run.value?.name === name) this.run.value = null;
    } catch (error) {
      this.keptFailure.value = messageOf(error);
    }
    await this.listKept();
  }

  /** Packs a run, or what it trained, into a zip file. */
  async zip(run: string, part: "" | "/adapter" | "/model"): Promise<Blob> {
    return await this.#inTurn((worker) => worker.zip(`/runs/${run}${part}`));
  }

  /** Responds with a run's model, without its adapter and with it. */
  async answer(run: string, question: Question): Promise<Answers> {
    const worker = await this.#start();
    if (this.#loaded !== run) {
      this.#loaded = null;
      const script = keptReward(run);
      try {
        await worker.load(run, await this.#openReward(script));
      } catch (error) {
        this.#askAnew(error);
        throw error;
      }
      this.#loaded = run;
    }
    return await worker.answer(question);
  }

  /** Reads or changes the browser's storage, one after another: a run's files are one reader's. */
  async #inTurn<T>(use: (worker: TemperWorker) => Promise<T>): Promise<T> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    try {
      return await use(await this.#start());
    } finally {
      resolve();
    }
  }

  #start(): Promise<TemperWorker> {
    return this.#worker ??= startWorker();
  }

  /** Frees the model that was tried: training needs the memory, and the reward is another. */
  async #unload(worker: TemperWorker): Promise<void> {
    this.#loaded = null;
    await this.#turn;
    await worker.unload();
  }

  /** Reads the shown run's files, and shows what they say. */
  async #readFiles(): Promise<ReadText> {
    const { name } = this.run.value!;
    const files = await this.#inTurn((worker) => worker.files(`/runs/${name}`));
    const read = await textsIn(files);
    this.#change(readRunFiles(read, files.map(({ path }) => path)));
    return read;
  }

  /** Learns how the shown run's model is tried, where it is here and writes text. */
  async #learnToTry(): Promise<void> {
    const run = this.run.value!;
    if (!canBeTried(run) || this.missing.length > 0) return;
    try {
      const question = await this.#inTurn((worker) => worker.question(run.name, run.prompt));
      if (this.run.value?.name !== run.name) return; // Another one is shown by now.
      this.#change({ trying: { chats: question !== null, example: question ?? textOf(run) } });
    } catch (error) {
      this.#note(messageOf(error));
    }
  }

  async #openReward(script: string | null): Promise<TabOptions["rewards"]> {
    this.#reward?.[Symbol.dispose]();
    this.#reward = null;
    if (script === null) return {};
    this.#reward = await SandboxedReward.open(script);
    return { [OWN_REWARD]: { score: this.#reward.score, source: script } };
  }

  async #follow(training: TabRun): Promise<void> {
    this.#training = training;
    try {
      const { run } = await training.finished;
      this.#change({ name: run });
      await this.#readFiles();
      this.#change({ phase: "finished" });
      await this.#learnToTry();
    } finally {
      // The next one may have started: a run is finished before all is known of it.
      if (this.#training === training) this.#training = null;
      this.#draw();
      this.listKept().catch(() => {});
    }
  }

  #listeners(
    script: string | null,
  ): { [Name in keyof RunEvents]: (event: RunEvents[Name]) => void } {
    return {
      info: (text) => this.#note(text),
      warning: (warning) => this.#change({ warning }),
      downloading: () => {},
      resumed: ({ step }) => this.#change({ step }),
      measured: ({ when, line }) =>
        this.#change({
          measured: { ...this.run.value!.measured, [when]: measuredText(line, when) },
        }),
      begun: ({ run, steps }) => {
        if (script !== null) keepReward(run, script);
        this.#change({ name: run, steps, phase: "running" });
      },
      stepped: ({ step, row, samples }) => {
        this.#columns!.append(row);
        if (samples.length > 0) this.#latest = setsIn(step, samples as readonly JsonRow[]);
        this.#change({ step });
        this.#drawing ??= setTimeout(() => this.#draw(), DRAW_MS);
      },
      paused: ({ step }) => this.#change({ step, phase: "paused" }),
      wentOn: () => this.#change({ phase: "running" }),
    };
  }

  #begin(kind: PlaygroundKind, name: string): void {
    batch(() => {
      this.#columns = new MetricColumns(kind);
      this.#latest = [];
      this.series.value = null;
      this.samples.value = [];
      this.notes.value = [];
      this.run.value = {
        ...NO_FILES,
        kind,
        name,
        phase: "starting",
        step: 0,
        steps: null,
        failure: null,
        warning: null,
        trying: null,
      };
    });
  }

  #change(change: Partial<ShownRun>): void {
    if (this.run.value) this.run.value = { ...this.run.value, ...change };
  }

  #fail(error: unknown): void {
    const isStopped = error instanceof Error && error.name === "RunInterruptedError";
    this.#change(
      isStopped ? { phase: "stopped" } : { phase: "failed", failure: messageOf(error) },
    );
  }

  /** Asks for the shown run's files again, where those that were given are others with the same names. */
  #askAnew(error: unknown): void {
    if (this.run.value === null || (error as Error).name !== "SourceChangedError") return;
    this.#given.forget(this.run.value.settings);
    this.#change({ failure: messageOf(error) });
  }

  #note(text: string): void {
    this.notes.value = withText(this.notes.value, text);
  }

  #draw(): void {
    clearTimeout(this.#drawing ?? undefined);
    this.#drawing = null;
    batch(() => {
      this.series.value = runSeries(this.#columns!, undefined, { all: true });
      this.samples.value = this.#latest.slice(0, SHOWN_SETS);
    });
  }
}

/** The sentence of an error, with what the form has to offer against a lack of memory. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name !== "OutOfMemoryError") return error.message;
  return `${error.message}; try smaller batches, activationMemory or dtype bf16 ` +
    "(Further settings), or a smaller model";
}
