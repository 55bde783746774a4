import { join } from "node:path";
import { NatsFleet } from "../../lib/cluster/fleet.ts";
import { work, type WorkerOptions } from "../../lib/cluster/worker.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import type { RolloutFleet } from "../../lib/runs/kinds/fleet/rollout_fleet.ts";
import { run } from "../../lib/runs/loop/run.ts";
import { smallGroup, smallRun } from "../runs/small_run.ts";

/** Names of statistics that differ from one machine to several, or from run to run. */
const OWN = /^time\/|_time_s$|^buffer_qsize$|^generation_tok_per_s$|^staleness$/;

/** Makes a small run; returns lines that it told. */
export async function train(
  kind: string,
  output: string,
  settings: Record<string, unknown> = {},
  { lines = [], ...options }: {
    fleet?: RolloutFleet;
    resume?: boolean;
    signal?: AbortSignal;
    /** Gets the lines, also of a run that fails. */
    lines?: string[];
  } = {},
): Promise<string[]> {
  const its = runKind(kind);
  const small = kind === "ppo" ? smallRun(output) : smallGroup(output);
  const config = its.resolve({ ...small, kind, ...settings, output });
  await run(its, config, { info: (line) => lines.push(line) }, options);
  return lines;
}

/** Connects a trainer. */
export function fleetAt(url: string): Promise<NatsFleet> {
  return NatsFleet.connect({ url }, "temper work");
}

/** Does something before a step asks for its responses. */
export function before(
  fleet: NatsFleet,
  step: number,
  action: () => Promise<void> | void,
): NatsFleet {
  const collect = fleet.collect.bind(fleet);
  fleet.collect = async (current, ...others) => {
    if (current === step) await action();
    return await collect(current, ...others);
  };
  return fleet;
}

/** Waits until something holds. @throws after two minutes, with what was waited for */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
): Promise<void> {
  for (let attempt = 0; attempt < 2400; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain until ${what}`);
}

/** Workers in this process. */
export class Workers implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ends: Promise<unknown>[] = [];
  /** Lines that they told. */
  readonly lines: string[] = [];
  /** Responses that each has made, by its name. */
  readonly made = new Map<string, number>();
  /** Errors that ended workers. */
  readonly errors: Error[] = [];

  /** Starts a worker. */
  start(url: string, name: string, options: Partial<WorkerOptions> = {}): void {
    const its = { run: null, batchSize: 64, once: false, model: null, rewards: [] };
    const device = { device: "wasm", threads: 1 } as const;
    const hooks = {
      info: (line: string) => this.lines.push(line),
      worked: ({ rollouts }: { rollouts: number }) => {
        this.made.set(name, (this.made.get(name) ?? 0) + rollouts);
      },
    };
    const ended = work({ url }, { ...its, ...device, name, ...options }, hooks, this.#stop.signal);
    this.#ends.push(ended.catch((error) => this.errors.push(error)));
  }

  /** Ends of all workers that were started. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#ends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#ends);
  }
}

/** What a run leaves, without what says when or where it ran. */
export async function results(folder: string): Promise<Record<string, string>> {
  const bytes = await Deno.readFile(join(folder, "adapter/adapter_model.safetensors"));
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const metrics = (await Deno.readTextFile(join(folder, "metrics.jsonl"))).trim().split("\n")
    .map((row) => Object.entries(JSON.parse(row)).filter(([name]) => !OWN.test(name)));
  return {
    adapter: new Uint8Array(digest).toHex(),
    samples: await Deno.readTextFile(join(folder, "samples.jsonl")),
    metrics: JSON.stringify(metrics),
    comparison: await Deno.readTextFile(join(folder, "comparison.csv")),
  };
}

/** Column of a run's `metrics.jsonl`. */
export async function column(folder: string, name: string): Promise<number[]> {
  const rows = (await Deno.readTextFile(join(folder, "metrics.jsonl"))).trim().split("\n");
  return rows.map((row) => JSON.parse(row)[name]);
}
