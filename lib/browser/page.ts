import { errorOf, failureOf } from "./failures.ts";
import type {
  BrowserFacts,
  CallName,
  Calls,
  FileBody,
  FolderBody,
  FolderFile,
  KeptRun,
  PageMessage,
  RunEvents,
  RunOutcome,
  WorkerMessage,
  WorkerSettings,
  WorkEvents,
  WorkOrder,
} from "./protocol.ts";
import type { NatsAddress } from "../cluster/address.ts";
import type { NullableRewardFunction } from "../rewards/reward.ts";
import type { Answers, Question } from "../runs/commands/side_by_side.ts";

/** Listeners for the events of a run. */
export type RunListeners = { [Name in keyof RunEvents]?: (event: RunEvents[Name]) => void };

/** Listeners for the events of working for runs elsewhere. */
export type WorkListeners = { [Name in keyof WorkEvents]?: (event: WorkEvents[Name]) => void };

/** Options of training in a page. */
export interface TabOptions {
  /** Listeners for what happens. */
  on?: RunListeners;
  /**
   * Rewards that the page computes, by the names by which the setting `reward` has them. Each is a
   * function of samples, and a text by which a resumed run tells that it is the same: by default the
   * function's own.
   */
  rewards?: Readonly<Record<string, NullableRewardFunction | PageReward>>;
  /** Keep the run in the browser's storage, to go on with it later. Default true. */
  keep?: boolean;
  /** Pause while the page is hidden. Default false. */
  pauseWhenHidden?: boolean;
}

/** Reward that a page computes. */
export interface PageReward {
  /** Scores samples. */
  score: NullableRewardFunction;
  /** Text that changes whenever the scores do. */
  source: string;
}

/** Run that is being trained. */
export interface TabRun {
  /** Resolves with the results; rejects with a `UserError`, or a `RunInterruptedError` when stopped. */
  readonly finished: Promise<RunOutcome>;
  /** Lets it wait before its next step; `paused` tells when it does. */
  pause(): void;
  /** Lets it go on, unless it waits for a hidden page; `wentOn` tells when it does. */
  goOn(): void;
  /** Stops it after its step, with a checkpoint from which it can go on. */
  stop(): void;
}

/** Work for runs of trainers elsewhere. */
export interface TabWork {
  /** Resolves when the work has ended; rejects with a `UserError`. */
  readonly finished: Promise<void>;
  /** Ends the work after the responses at hand. */
  stop(): void;
}

/** Options of starting a worker. */
export interface StartOptions extends WorkerSettings {
  /** Address of `temper-worker.js`. Default: beside this module. */
  worker?: string | URL;
}

/**
 * Worker that trains and generates for a page, so that the page never waits. It has files of its own,
 * in which runs are in `/runs`, and what the page gives is where {@linkcode put} puts it.
 *
 * ```ts ignore
 * const temper = await TemperWorker.start();
 * const run = temper.train("ppo", { model: "demo/tiny-flan-t5", steps: 5 }, {
 *   on: { stepped: ({ step, row }) => console.log(step, row["ppo/mean_scores"]) },
 * });
 * const { run: name } = await run.finished;
 * const zip = await temper.zip(`/runs/${name}/adapter`);
 * ```
 */
export class TemperWorker {
  readonly #worker: Worker;
  readonly #calls = new Map<number, PromiseWithResolvers<never>>();
  readonly #ended = Promise.withResolvers<never>();
  #nextCall = 0;
  #listeners: RunListeners & WorkListeners = {};
  #rewards: Readonly<Record<string, NullableRewardFunction>> = {};
  #facts!: BrowserFacts;

  private constructor(address: string | URL) {
    this.#worker = new Worker(address, { type: "module", name: "temper" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(event.message || `the worker ${address} does not load`));
    };
    // Whoever waits for a call is told there.
    this.#ended.promise.catch(() => {});
  }

  /** Starts a worker. @throws {Error} when it does not load */
  static async start(options: StartOptions = {}): Promise<TemperWorker> {
    const { worker: address = new URL("temper-worker.js", import.meta.url), ...settings } = options;
    const worker = new TemperWorker(address);
    worker.#facts = await worker.#call("open", settings);
    return worker;
  }

  /** Abilities of the browser and the page. */
  get facts(): BrowserFacts {
    return this.#facts;
  }

  /**
   * Puts a file or a folder into the worker's files, in place of what is there: a model, a dataset, a
   * script. Blobs, such as files that the user picked, are read when they are needed.
   *
   * @param path absolute path, by which settings name it: `/models/mine`
   */
  async put(path: string, files: FileBody | FolderBody): Promise<void> {
    await this.#call("put", { path, files });
  }

  /**
   * Starts a run. One at a time is trained.
   *
   * @param kind `ppo`, `grpo`, `rloo`, `dpo`, `orpo`, `kto`, `sft` or `reward`
   * @param settings as in a run's `config.json`; `output` names the run
   */
  train(
    kind: string,
    settings: Readonly<Record<string, unknown>>,
    options: TabOptions = {},
  ): TabRun {
    return this.#train(kind, settings, options, false);
  }

  /**
   * Goes on with a run that was kept, from its latest checkpoint, bit for bit.
   *
   * @param run name of the run
   * @param settings those that may change, such as `steps`
   * @param options.rewards the same as before: a reward that has changed is refused
   */
  resume(
    run: string,
    settings: Readonly<Record<string, unknown>> = {},
    options: TabOptions = {},
  ): TabRun {
    return this.#train("", { ...settings, output: run }, options, true);
  }

  /**
   * Works for runs of trainers elsewhere, as `temper work` does: one at a time, and while nothing is
   * trained.
   *
   * @param address server's WebSocket, as in `ws://localhost:8080`, with credentials
   * @param options.model path of a folder that {@linkcode put} has put there. Default: what the run
   *   names, from the demo or the Hub
   * @param options.rewards paths of classifiers that were put there
   */
  work(
    address: NatsAddress,
    { on = {}, ...options }: WorkOrder["options"] & {
      /** Listeners for what happens. */
      on?: WorkListeners;
    } = {},
  ): TabWork {
    this.#listeners = on;
    return {
      finished: this.#call("work", { address, options }),
      stop: () => void this.#call("control", { do: "stop" }),
    };
  }

  /** Lists the runs that are kept in the browser's storage, the latest first. */
  async runs(): Promise<KeptRun[]> {
    return await this.#call("runs", null);
  }

  /** Files of a folder, such as `/runs/NAME/adapter`, by their paths in it. */
  async files(path: string): Promise<FolderFile[]> {
    return await this.#call("files", { path });
  }

  /** Packs a folder into a zip file: `/runs/NAME` for a run that `temper runs` reads once unpacked. */
  async zip(path: string): Promise<Blob> {
    return await this.#call("zip", { path });
  }

  /** Removes a run from the browser's storage. */
  async remove(run: string): Promise<void> {
    await this.#call("remove", { run });
  }

  /**
   * Loads the model of a run, to respond with and without what was trained.
   *
   * @param rewards those of the run that the page computes
   */
  async load(run: string, rewards: TabOptions["rewards"] = {}): Promise<void> {
    const { functions, sources } = split(rewards);
    this.#rewards = { ...this.#rewards, ...functions };
    await this.#call("load", { run, rewards: sources });
  }

  /**
   * Takes the user's last message out of a prompt of a run, whose model may have put it into its chat
   * template.
   *
   * @returns null for a model without a chat template
   */
  async question(run: string, prompt: string): Promise<string | null> {
    return await this.#call("question", { run, prompt });
  }

  /** Responds to a text with the loaded model, without the adapter and with it. */
  async answer(question: Question): Promise<Answers> {
    return await this.#call("answer", question);
  }

  /** Frees the loaded model. */
  async unload(): Promise<void> {
    await this.#call("unload", null);
  }

  /** Ends the worker at once, and what it is doing. A run that is kept can be resumed. */
  close(): void {
    this.#worker.terminate();
    this.#end(new Error("the worker was closed"));
  }

  #train(
    kind: string,
    settings: Readonly<Record<string, unknown>>,
    { on = {}, rewards = {}, keep = true, pauseWhenHidden = false }: TabOptions,
    resume: boolean,
  ): TabRun {
    const { functions, sources } = split(rewards);
    this.#listeners = on;
    this.#rewards = functions;
    // Without it, a browser that is short of space may remove the run. It asks for itself where it must.
    if (keep) navigator.storage?.persist?.().catch(() => {});
    const finished = this.#call("train", { kind, settings, rewards: sources, keep, resume });
    const control = (what: Calls["control"]["args"]["do"]) =>
      void this.#call("control", { do: what });
    let isPaused = false;
    const follow = () => {
      const waits = isPaused || (pauseWhenHidden && document.hidden);
      control(waits ? "pause" : "go on");
    };
    if (pauseWhenHidden) {
      document.addEventListener("visibilitychange", follow);
      const ignore = () => document.removeEventListener("visibilitychange", follow);
      finished.then(ignore, ignore);
      if (document.hidden) follow();
    }
    return {
      finished,
      pause() {
        isPaused = true;
        follow();
      },
      goOn() {
        isPaused = false;
        follow();
      },
      stop: () => control("stop"),
    };
  }

  async #call<Name extends CallName>(
    call: Name,
    args: Calls[Name]["args"],
  ): Promise<Calls[Name]["result"]> {
    const id = this.#nextCall++;
    const waiting = Promise.withResolvers<never>();
    this.#calls.set(id, waiting);
    this.#send({ id, call, args } as PageMessage);
    try {
      return await Promise.race([waiting.promise, this.#ended.promise]);
    } finally {
      this.#calls.delete(id);
    }
  }

  #send(message: PageMessage): void {
    this.#worker.postMessage(message);
  }

  #end(error: Error): void {
    this.#ended.reject(error);
  }

  #receive(message: WorkerMessage): void {
    if ("event" in message) {
      const listener = this.#listeners[message.event] as ((event: unknown) => void) | undefined;
      listener?.(message.data);
    } else if ("score" in message) {
      this.#score(message);
    } else if ("failure" in message) {
      this.#calls.get(message.id)?.reject(errorOf(message.failure));
    } else {
      this.#calls.get(message.id)?.resolve(message.result as never);
    }
  }

  async #score(message: Extract<WorkerMessage, { score: number }>): Promise<void> {
    const { score: scored, reward, samples } = message;
    try {
      this.#send({ scored, scores: await this.#rewards[reward](samples) });
    } catch (error) {
      this.#send({ scored, failure: failureOf(error) });
    }
  }
}

function split(rewards: NonNullable<TabOptions["rewards"]>): {
  functions: Record<string, NullableRewardFunction>;
  sources: Record<string, string>;
} {
  const functions: Record<string, NullableRewardFunction> = {};
  const sources: Record<string, string> = {};
  for (const [name, reward] of Object.entries(rewards)) {
    functions[name] = typeof reward === "function" ? reward : reward.score;
    sources[name] = typeof reward === "function" ? String(reward) : reward.source;
  }
  return { functions, sources };
}
