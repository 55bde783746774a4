import { batch, type Signal, signal } from "@preact/signals";
import type { BrowserFacts, KeptRun, RunEvents } from "../../../lib/browser/protocol.ts";
import type { TabOptions, TabRun, TemperWorker } from "../../../lib/browser/page.ts";
import type { Answers, Question } from "../../../lib/runs/commands/side_by_side.ts";
import type { RunSeries } from "../../shared/charts.ts";
import { type PromptComparison, readComparison, type ReadText } from "../../shared/comparison.ts";
import { dialogueOf } from "../../shared/dialogue.ts";
import { type JsonRow, parseObject, rowsIn } from "../../shared/json_rows.ts";
import { MetricColumns } from "../../shared/metric_columns.ts";
import type { SampleSet } from "../../shared/samples.ts";
import { runSeries } from "../../shared/thin.ts";
import { type Choices, OWN_REWARD, type PlaygroundKind, settingsOf } from "./choices.ts";
import { hasChatTemplate, modelObstacle, pathOf, type Picked } from "./picked_files.ts";
import { SandboxedReward } from "./sandboxed_reward.ts";
import { forgetReward, keepReward, keptReward } from "./kept_rewards.ts";
import { setsIn } from "./sample_rows.ts";

/** Milliseconds between two drawings of the charts: steps may come faster than anybody can look. */
const DRAW_MS = 400;
/** Maximum number of lines that are kept of what a run told. */
const NOTES = 30;
/** Maximum number of sets of samples that are shown. */
const SHOWN_SETS = 6;

/** State of a run in this tab. */
export type Phase =
  | "starting"
  | "running"
  | "pausing"
  | "paused"
  | "stopping"
  | "finished"
  | "stopped"
  | "failed";

/** Run that the page shows. */
export interface ShownRun {
  readonly kind: PlaygroundKind;
  /** Name; empty until it begins. */
  readonly name: string;
  readonly phase: Phase;
  readonly step: number;
  readonly steps: number | null;
  /** Message of the error that ended it. */
  readonly failure: string | null;
  /** Model chats: it has a chat template. */
  readonly chats: boolean;
  /** Lines about the model before training and after it. */
  readonly measured: Readonly<Record<"before" | "after", string | null>>;
  /** The same prompts before and after; null until they are compared. */
  readonly comparison: PromptComparison | null;
  /** Text to try the model with. */
  readonly example: string;
}

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
    const phase = this.run.value?.phase;
    return phase !== undefined && !["finished", "stopped", "failed"].includes(phase);
  }

  /** Trains what was chosen. Mistakes are shown with the run. */
  async train(choices: Choices, pauseWhenHidden: boolean): Promise<void> {
    const kind = this.kinds.find(({ kind }) => kind === choices.kind)!;
    const { model, ownModel } = choices;
    this.#begin({ kind, name: "", chats: model === "demo/tiny-chat" });
    try {
      const settings = settingsOf(choices, kind);
      if (model === "own") this.#change({ chats: await hasChatTemplate(ownModel!) });
      const worker = await this.#start();
      await this.#unload(worker);
      await this.#put(worker, choices);
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

  /** Goes on with a run that was kept. */
  async resume(run: KeptRun, choices: Choices, pauseWhenHidden: boolean): Promise<void> {
    await this.show(run);
    if (this.run.value === null) return;
    this.#change({ phase: "starting", failure: null });
    try {
      const worker = await this.#start();
      await this.#unload(worker);
      await this.#put(worker, choices);
      const script = keptReward(run.name);
      const rewards = await this.#openReward(script);
      await this.#follow(
        worker.resume(run.name, {}, { rewards, pauseWhenHidden, on: this.#listeners(script) }),
      );
    } catch (error) {
      this.#fail(error);
    }
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

  async #show({ name, kind, status, failure, step, steps, settings }: KeptRun): Promise<void> {
    const known = this.kinds.find((known) => known.kind === kind);
    if (!known) return;
    this.#begin({ kind: known, name, chats: settings.model === "demo/tiny-chat" });
    const read = await this.#texts(name);
    for (const row of rowsIn(read("metrics.jsonl") ?? "")) this.#columns!.append(row);
    const samples = rowsIn(read("samples.jsonl") ?? "");
    const last = samples.at(-1)?.step;
    this.#latest = setsIn(Number(last ?? 0), samples.filter((row) => row.step === last));
    this.#draw();
    const phase = status === "running" ? "stopped" : status;
    this.#change({ phase, failure, step, steps, ...this.#compared(read) });
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
    this.#change({ phase: "running" });
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
    } catch (error) {
      this.keptFailure.value = messageOf(error);
    }
    await this.listKept();
  }

  /** Packs a run, or its adapter, into a zip file. */
  async zip(run: string, part: "" | "/adapter"): Promise<Blob> {
    return await this.#inTurn((worker) => worker.zip(`/runs/${run}${part}`));
  }

  /** Responds with a run's model, without its adapter and with it. */
  async answer(run: string, question: Question): Promise<Answers> {
    const worker = await this.#start();
    if (this.#loaded !== run) {
      const script = keptReward(run);
      await worker.load(run, await this.#openReward(script));
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
    return this.#worker ??= (async () => {
      // A variable, so that the module stays out of this one's bundle.
      const address = new URL("temper.js", document.baseURI).href;
      const module: { TemperWorker: typeof TemperWorker } = await import(address);
      return await module.TemperWorker.start();
    })();
  }

  /** Frees the model that was tried: training needs the memory, and the reward is another. */
  async #unload(worker: TemperWorker): Promise<void> {
    this.#loaded = null;
    await this.#turn;
    await worker.unload();
  }

  async #put(worker: TemperWorker, choices: Choices): Promise<void> {
    const { model, ownModel, data, ownData, reward, ownClassifier } = choices;
    const put = (kind: Parameters<typeof pathOf>[0], picked: Picked) =>
      worker.put(
        pathOf(kind, picked),
        kind === "data" && picked.files.length === 1 ? picked.files[0][1] : picked.files,
      );
    for (
      const [isChosen, picked, kind] of [
        [model === "own", ownModel, "models"],
        [reward === "classifier", ownClassifier, "classifiers"],
      ] as const
    ) {
      if (!isChosen || picked === null) continue;
      const obstacle = modelObstacle(picked);
      if (obstacle !== null) throw new Error(obstacle);
      await put(kind, picked);
    }
    if (data === "own" && ownData !== null) await put("data", ownData);
  }

  /** Reads the text files of a run. */
  async #texts(run: string): Promise<ReadText> {
    const files = await this.#inTurn((worker) => worker.files(`/runs/${run}`));
    const texts = files.filter(({ path }) => /^[^/]+\.(csv|jsonl?)$/.test(path))
      .map(async ({ path, body }) => [path, await body.text()] as const);
    const byName = new Map(await Promise.all(texts));
    return (file) => byName.get(file) ?? null;
  }

  /** Responses before and after training, and a text to try the model with. */
  #compared(read: ReadText): Pick<ShownRun, "comparison" | "example"> {
    const comparison = readComparison(read);
    if (this.run.value?.chats) return { comparison, example: "What is 27 + 5?" };
    const [row = rowsIn(read("samples.jsonl") ?? "").at(-1)] = comparison?.rows ?? [];
    const prompt = String(row?.query ?? "");
    const template = parseObject(read("config.json") ?? "")?.prompt;
    const example = typeof template === "string" ? dialogueOf(prompt, template) : prompt;
    return { comparison, example };
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
      const compared = this.#compared(await this.#texts(run));
      this.#change({ name: run, phase: "finished", ...compared });
    } finally {
      this.#training = null;
      this.#draw();
      this.listKept().catch(() => {});
    }
  }

  #listeners(
    script: string | null,
  ): { [Name in keyof RunEvents]: (event: RunEvents[Name]) => void } {
    return {
      info: (text) => this.#note(text),
      downloading: () => {},
      resumed: ({ step }) => this.#change({ step }),
      measured: ({ when, line }) =>
        this.#change({ measured: { ...this.run.value!.measured, [when]: line } }),
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
    };
  }

  #begin(run: Pick<ShownRun, "kind" | "name" | "chats">): void {
    batch(() => {
      this.#columns = new MetricColumns(run.kind);
      this.#latest = [];
      this.series.value = null;
      this.samples.value = [];
      this.notes.value = [];
      this.run.value = {
        ...run,
        phase: "starting",
        step: 0,
        steps: null,
        failure: null,
        measured: { before: null, after: null },
        comparison: null,
        example: "",
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

  #note(text: string): void {
    this.notes.value = [...this.notes.value, ...text.split("\n")].slice(-NOTES);
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
