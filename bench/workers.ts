/**
 * Cost of a step whose rollouts come from workers, against the step of one process; and the prediction
 * of `fleet_model.ts` against what N workers take here. Prints JSON.
 *
 *     deno run -A bench/workers.ts [--shape flan-t5-small] [--steps 4] [--batch 8] [--workers 1,2,4]
 *
 * All processes use one thread. On a machine with fewer cores than processes, times of N workers show
 * how the cores are shared, not what N machines would take. `processor` has the processor times of a
 * step, which other load on the machine hardly changes (Linux): `path` is what a step would take if each
 * process had a core, the trainer's and the busiest worker's, without what the trainer does while it
 * waits. `predictedPath` is the prediction of it, from batches of one worker.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { assetUrl } from "../assets.ts";
import { NatsFleet } from "../lib/cluster/fleet.ts";
import { runKind } from "../lib/runs/kinds/registry.ts";
import type { RolloutFleet } from "../lib/runs/kinds/fleet/rollout_fleet.ts";
import { run } from "../lib/runs/loop/run.ts";
import { withServer } from "../scripts/nats_server.ts";
import { type FleetTimes, predictStep } from "./fleet_model.ts";

const { values } = parseArgs({
  options: {
    shape: { type: "string", default: "flan-t5-small" },
    steps: { type: "string", default: "4" },
    batch: { type: "string", default: "8" },
    workers: { type: "string", default: "1,2,4" },
    staleness: { type: "string", default: "0,1" },
  },
});
const [steps, batch] = [Number(values.steps), Number(values.batch)];
const lists = { workers: values.workers, staleness: values.staleness };
const [workerCounts, stalenesses] = [lists.workers, lists.staleness].map((text) =>
  text.split(",").filter(Boolean).map(Number)
);
const path = (name: string) => fileURLToPath(assetUrl(name));

/** Seconds of a step, and of its parts: minima over the steps, for other load only adds. */
interface Times {
  step: number;
  generate: number;
  sync: number | null;
  processor: Processor;
}

/** Processor seconds of a step. */
interface Processor {
  /** Trainer's, in all. */
  trainer: number;
  /** Trainer's while workers respond. */
  meanwhile: number;
  /** Each worker's. */
  workers: readonly number[];
  /** All that can only be done one after the other, if each process has a core. */
  path: number;
}

/** Processor seconds of a process's main thread so far, by default of this one. */
function processorSeconds(pid: number = Deno.pid): number {
  const [nanoseconds] = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/schedstat`).split(" ");
  return Number(nanoseconds) / 1e9;
}

await withServer(async ({ url }, folder) => {
  const model = join(folder, "model");
  await deno(["run", "-A", "--no-check", path("scripts/make_checkpoint.ts"), model], [
    "--shape",
    values.shape,
  ]).output();
  const kind = runKind("ppo");
  let number = 0;
  const time = async (
    settings: { batchSize?: number; staleness?: number },
    fleet?: RolloutFleet,
    pids: readonly number[] = [],
  ): Promise<Times> => {
    const { batchSize = batch, staleness = 0 } = settings;
    const config = kind.resolve({
      ...{ kind: "ppo", model, output: join(folder, `run-${++number}`), steps, staleness },
      ...{ batchSize, miniBatchSize: Math.min(4, batchSize), saveEvery: 0, evalSamples: 1 },
      ...{ evalMaxNewTokens: 1, outputMinLength: 32, outputMaxLength: 33, device: "wasm" },
      ...{ threads: 1, datasetCache: false, reward: ["demo/tiny-roberta-toxicity"] },
      // Random weights are far from any text.
      ...{ maxKl: 1e9, maxTokenKl: 1e9, minKl: -1e9 },
    });
    const times: Times[] = [];
    let last = 0;
    let meanwhile = 0;
    const processors = () => ({
      trainer: processorSeconds(),
      workers: pids.map((pid) => processorSeconds(pid)),
    });
    let before = processors();
    const processor = (): Processor => {
      const now = processors();
      const trainer = now.trainer - before.trainer;
      const workers = now.workers.map((seconds, i) => seconds - before.workers[i]);
      const path = trainer - meanwhile + Math.max(meanwhile, ...workers);
      const used = { trainer, meanwhile, workers, path };
      [before, meanwhile] = [now, 0];
      return used;
    };
    if (fleet) {
      const collect = fleet.collect.bind(fleet);
      fleet.collect = (step, requests, policy, its) =>
        collect(step, requests, policy, async () => {
          const started = processorSeconds();
          await its();
          meanwhile += processorSeconds() - started;
        });
    }
    const hooks = {
      begun: () => {
        last = performance.now();
        processor();
      },
      stepped: (_: number, __: unknown, row: Record<string, unknown>) => {
        const now = performance.now();
        times.push({
          step: (now - last) / 1000,
          generate: row["time/generate"] as number,
          sync: (row["weight_sync_time_s"] as number | undefined) ?? null,
          processor: processor(),
        });
        last = now;
      },
    };
    await run(kind, config, hooks, { fleet });
    const steady = times.slice(1);
    const best = (name: "step" | "generate" | "sync") =>
      Math.min(...steady.map((one) => one[name] ?? Infinity));
    const { processor: cheapest } = steady.toSorted((a, b) =>
      a.processor.path - b.processor.path
    )[0];
    return {
      ...{ step: best("step"), generate: best("generate"), processor: cheapest },
      sync: fleet ? best("sync") : null,
    };
  };
  const withWorkers = async (
    count: number,
    staleness: number,
    batchSize: number = batch,
  ): Promise<Times> => {
    const args = ["run", "-A", "--no-check", "--quiet", path("cli.ts"), "work", url];
    const children = Array.from(
      { length: count },
      () => deno(args, ["--threads", "1", "--device", "wasm", "--model", model]).spawn(),
    );
    try {
      const fleet = await NatsFleet.connect({ url }, "temper work");
      return await time({ staleness, batchSize }, fleet, children.map(({ pid }) => pid));
    } finally {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map(({ status }) => status));
    }
  };
  const log = (what: string, value: unknown) => console.error(what, JSON.stringify(value));
  const alone = await time({});
  log("alone", alone);
  const fewer = [Math.max(1, batch / 4), Math.max(1, batch / 2)];
  const generate: [number, number][] = [];
  /** Processor seconds of one worker, by prompts, and of the trainer. */
  const responding: [number, number][] = [];
  let own = { update: 0, meanwhile: 0 };
  for (const count of new Set([...fewer, batch])) {
    const { generate: seconds } = count < batch ? await time({ batchSize: count }) : alone;
    generate.push([count, seconds]);
    const { trainer, meanwhile, workers } = (await withWorkers(1, 0, count)).processor!;
    responding.push([count, Math.max(...workers)]);
    own = { update: trainer - meanwhile, meanwhile };
    log("batch", { count, seconds, responding: responding.at(-1)![1], ...own });
  }
  const fleets: {
    workers: number;
    staleness: number;
    times: Times;
    predicted: number;
    predictedPath: number;
  }[] = [];
  let sync = 0;
  for (const workers of workerCounts) {
    for (const staleness of stalenesses) {
      const times = await withWorkers(workers, staleness);
      if (fleets.length === 0) sync = times.step - alone.step;
      const measured: FleetTimes = {
        generate,
        update: alone.step - alone.generate,
        sync: Math.max(0, sync),
      };
      const fleet = { workers, staleness, prompts: batch };
      const predicted = predictStep(measured, fleet);
      const predictedPath = predictStep({ generate: responding, ...own, sync: 0 }, {
        ...fleet,
        staleness: 0,
      });
      fleets.push({ workers, staleness, times, predicted, predictedPath });
      log("fleet", fleets.at(-1));
    }
  }
  console.log(JSON.stringify(
    {
      ...{ shape: values.shape, batch, cores: availableParallelism(), alone, generate },
      overhead: fleets[0].times.step / alone.step,
      processorOverhead: fleets[0].times.processor.path / alone.processor.path,
      fleets,
    },
    null,
    2,
  ));
});

function deno(args: string[], more: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...args, ...more],
    stdout: "null",
    stderr: "null",
  });
}
