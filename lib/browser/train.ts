import { DeviceLostError, RunInterruptedError, UserError } from "../errors.ts";
import { giveModule } from "../platform/browser/import_file.ts";
import { files } from "../platform/browser/file_tree.ts";
import { dirname, join } from "../platform/browser/paths.ts";
import type { NullableRewardFunction } from "../rewards/reward.ts";
import { defaultRunFolder } from "../runs/folder/run_directory.ts";
import { PAGE_REWARDS, resumeRun } from "../runs/kinds/run_config.ts";
import type { RunKind, RunSettings } from "../runs/kinds/run_kind.ts";
import { runKind } from "../runs/kinds/registry.ts";
import { run } from "../runs/loop/run.ts";
import { hasFiles, openRun, runPath } from "./kept_runs.ts";
import type { RunEvents, RunOrder, RunOutcome } from "./protocol.ts";

/** Listener for the events of a run. */
export type Tell = <Name extends keyof RunEvents>(event: Name, data: RunEvents[Name]) => void;

/** Asks the page for the scores of a reward. */
export type AskPage = (reward: string) => NullableRewardFunction;

/** Run of this worker, as far as the page directs it. */
export class DirectedRun {
  readonly #stop = new AbortController();
  #pause: PromiseWithResolvers<void> | null = null;
  #step = 0;

  /** Takes the listener and the way to the page's rewards. */
  constructor(private readonly tell: Tell, private readonly ask: AskPage) {}

  /** Lets the run wait before its next step, unless it is to stop there. */
  pause(): void {
    if (!this.#stop.signal.aborted) this.#pause ??= Promise.withResolvers();
  }

  /** Lets it go on. */
  goOn(): void {
    this.#pause?.resolve();
    this.#pause = null;
  }

  /** Stops it after its step, with a checkpoint. */
  stop(): void {
    this.#stop.abort();
    this.goOn();
  }

  /** Trains. @throws {UserError} as a run does, or when another tab has it */
  async train(order: RunOrder): Promise<RunOutcome> {
    const name = nameOf(order);
    await using own = await openRun(name, order.keep);
    if (order.keep && !own.isKept) {
      this.tell(
        "warning",
        "this browser keeps no files for this page: the run is lost when the tab is closed",
      );
    }
    if (order.resume && !hasFiles(name)) {
      throw new UserError(`there is no run ${name} to resume`);
    }
    using _ = giveRewards(order.rewards, this.ask);
    const settings: Record<string, unknown> = {
      ...order.settings,
      ...("reward" in order.settings
        ? { reward: rewardPaths(order.settings.reward, order.rewards) }
        : {}),
      output: runPath(name),
    };
    const { kind, config } = order.resume
      ? await resumeRun(runPath(name), settings)
      : resolve(order.kind, settings);
    try {
      return await this.#run(name, kind, config, order);
    } catch (error) {
      if (!isLostDevice(error)) throw error;
      this.tell("warning", "the GPU was lost: the run goes on on WASM, from its last checkpoint");
      const onWasm = { ...config, device: "wasm" as const };
      const hasBegun = files.find(`${runPath(name)}/config.json`) !== undefined;
      return await this.#run(name, kind, onWasm, { ...order, resume: hasBegun });
    }
  }

  async #run(
    name: string,
    kind: RunKind,
    config: RunSettings,
    { rewards, resume }: RunOrder,
  ): Promise<RunOutcome> {
    const { tell } = this;
    const { summary, comparison } = await run(kind, config, {
      info: (text) => tell("info", text),
      downloading: (progress) => tell("downloading", progress),
      outdated: (notice) => tell("info", notice),
      resumed: (step) => {
        this.#step = step;
        tell("resumed", { step });
      },
      measured: (when, measurement, line) => tell("measured", { when, measurement, line }),
      begun: (steps) => {
        keepRewards(name, rewards);
        tell("begun", { run: name, steps });
      },
      stepped: (step, _stats, row, samples) => {
        this.#step = step;
        tell("stepped", { step, row, samples });
      },
      proceed: async () => {
        if (!this.#pause) return;
        do {
          tell("paused", { step: this.#step });
          await this.#pause.promise;
        } while (this.#pause);
        if (!this.#stop.signal.aborted) tell("wentOn", { step: this.#step });
      },
    }, { resume, signal: this.#stop.signal }).catch((error) => {
      // The folder's path means nothing to the page.
      if (error instanceof RunInterruptedError) {
        throw new RunInterruptedError(error.message, { run: name });
      }
      throw error;
    });
    return {
      run: name,
      summary: { ...summary },
      comparison: comparison.map((row) => ({ ...row })),
    };
  }
}

function resolve(kind: string, settings: Readonly<Record<string, unknown>>) {
  const found = runKind(kind);
  return { kind: found, config: found.resolve(settings) };
}

/** Name of a run: what `output` says, else one with the time and the model's. */
function nameOf({ kind, settings }: RunOrder): string {
  const { output, name = null, model } = settings;
  if (output !== undefined && output !== null) {
    if (typeof output === "string" && /^[^/\\\0]+$/.test(output) && !/^\.+$/.test(output)) {
      return output;
    }
    throw new UserError(
      `\`output\` is ${JSON.stringify(output)}, expected the name of a run, without slashes`,
    );
  }
  const folder = defaultRunFolder({
    kind,
    name: typeof name === "string" ? name : null,
    model: typeof model === "string" ? model : undefined,
  }, new Date());
  return folder.split("/").at(-1)!;
}

/** Names of rewards, with the paths of those that the page computes. */
export function rewardPaths(
  named: unknown,
  rewards: Readonly<Record<string, string>>,
): unknown {
  const path = (name: unknown) =>
    typeof name === "string" && Object.hasOwn(rewards, name) ? rewardPath(name) : name;
  return Array.isArray(named) ? named.map(path) : path(named);
}

function rewardPath(name: string): string {
  return `${PAGE_REWARDS}/${name}.js`;
}

/** Gives rewards of the page's to runs as modules, whose source tells when one has changed. */
export function giveRewards(
  rewards: Readonly<Record<string, string>>,
  ask: AskPage,
): Disposable {
  files.makeFolder(PAGE_REWARDS);
  const taken = Object.entries(rewards).map(([name, source]) => {
    if (!/^[\w-]+$/.test(name)) {
      throw new UserError(
        `the reward ${JSON.stringify(name)} needs a name of letters, digits, - and _`,
      );
    }
    files.write(rewardPath(name), new TextEncoder().encode(source));
    const score = ask(name);
    return giveModule(rewardPath(name), { default: (samples: never) => score(samples) });
  });
  return { [Symbol.dispose]: () => taken.forEach((take) => take()) };
}

/** Puts the rewards of the page's into a run's folder, with which they are downloaded. */
function keepRewards(run: string, rewards: Readonly<Record<string, string>>): void {
  for (const [name, source] of Object.entries(rewards)) {
    const path = join(runPath(run), rewardPath(name));
    files.makeFolder(dirname(path));
    files.write(path, new TextEncoder().encode(source));
  }
}

function isLostDevice(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof DeviceLostError) return true;
  }
  return false;
}
