/**
 * Soak of the fleet: a run on the demo's model whose workers come and go, are stopped and killed, all
 * the time. Prints memory, streams and what is left, as JSON; exit code 1 where a bound is broken.
 *
 *     deno run -A bench/soak_workers.ts [STEPS] [SECONDS]
 *
 * It stops after that time, as Ctrl-C would, reports on the steps it made, and removes what the run has
 * at the server, as `temper cluster remove` does.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assetUrl } from "../assets.ts";
import { connectNats } from "../lib/cluster/connection.ts";
import { NatsFleet } from "../lib/cluster/fleet.ts";
import { clusterRuns } from "../lib/cluster/status.ts";
import { listRuns, removeRun } from "../lib/cluster/topology.ts";
import { RunInterruptedError } from "../lib/errors.ts";
import { runKind } from "../lib/runs/kinds/registry.ts";
import { run } from "../lib/runs/loop/run.ts";
import { withServer } from "../scripts/nats_server.ts";

const [steps = 500, seconds = 300] = Deno.args.map(Number);
/** Steps between looks at memory and streams. */
const LOOK_EVERY = 20;
/** Steps between changes of the workers. */
const CHANGE_EVERY = 10;

interface Look {
  step: number;
  /** Memory of the trainer's process, in MiB. */
  memory: number;
  /** Memory of the JavaScript heap after a collection where that is exposed, in MiB. */
  heap: number;
  /** Messages and bytes of all streams at the server. */
  messages: number;
  bytes: number;
}

const MIB = 2 ** 20;

await withServer(async ({ url }, folder) => {
  const cli = fileURLToPath(assetUrl("cli.ts"));
  let number = 0;
  const workers: Deno.ChildProcess[] = [];
  const counts = { started: 0, killed: 0, stopped: 0 };
  const add = () => {
    counts.started++;
    const args = ["run", "-A", "--no-check", "--quiet", cli, "work", "--threads", "1"];
    workers.push(
      new Deno.Command(Deno.execPath(), {
        args: [...args, "--device", "wasm", "--name", `w${++number}`],
        env: { NATS_URL: url },
        stdout: "null",
        stderr: "null",
      }).spawn(),
    );
  };
  const remove = (signal: "SIGKILL" | "SIGTERM") => {
    counts[signal === "SIGKILL" ? "killed" : "stopped"]++;
    workers.shift()!.kill(signal);
  };
  await using connection = await connectNats({ url }, "soak");
  const looks: Look[] = [];
  const look = async (step: number) => {
    // deno-lint-ignore no-explicit-any
    (globalThis as any).gc?.();
    const { rss, heapUsed } = Deno.memoryUsage();
    let [messages, bytes] = [0, 0];
    for await (const { state } of connection.jsm.streams.list()) {
      messages += state.messages;
      bytes += state.bytes;
    }
    looks.push({
      step,
      memory: Math.round(rss / MIB),
      heap: Math.round(heapUsed / MIB),
      messages,
      bytes,
    });
    console.error(JSON.stringify(looks.at(-1)));
  };
  const kind = runKind("grpo");
  const config = kind.resolve({
    ...{ kind: "grpo", model: "demo/tiny-flan-t5", output: join(folder, "soak"), steps },
    ...{ batchSize: 8, numGenerations: 4, miniBatchSize: 4, gradientAccumulationSteps: 1 },
    ...{ maxCompletionLength: 8, saveEvery: 10, evalSamples: 2, evalEvery: 0, staleness: 1 },
    ...{ device: "wasm", threads: 1, datasetCache: false },
  });
  add();
  add();
  const started = performance.now();
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), seconds * 1000);
  let done = 0;
  const hooks = {
    info: (line: string) => console.error(line),
    stepped: (step: number) => {
      done = step;
    },
    async proceed() {
      if (done > 0 && done % CHANGE_EVERY === 0) {
        remove(done % (2 * CHANGE_EVERY) === 0 ? "SIGKILL" : "SIGTERM");
        add();
      }
      if (done % LOOK_EVERY === 0) await look(done);
    },
  };
  const fleet = await NatsFleet.connect({ url }, "temper work");
  let finished = true;
  try {
    await run(kind, config, hooks, { fleet, signal: stop.signal });
  } catch (error) {
    if (!(error instanceof RunInterruptedError)) throw error;
    finished = false;
  }
  clearTimeout(timer);
  await look(done);
  const left = await clusterRuns(connection);
  for (const id of await listRuns(connection.jsm)) await removeRun(connection, id);
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map(({ status }) => status));
  const streams = (await Array.fromAsync(connection.jsm.streams.list())).length;
  const half = looks.filter(({ step }) => step >= done / 2);
  const growth = half.at(-1)!.heap - half[0].heap;
  console.log(JSON.stringify(
    {
      ...{ steps: done, finished, seconds: Math.round((performance.now() - started) / 1000) },
      ...{ workers: counts, looks },
      leftBeforeRemoval: left.map(({ results, versions, queue }) => ({ results, versions, queue })),
      streamsLeft: streams,
    },
    null,
    2,
  ));
  const mostMessages = Math.max(...looks.map(({ messages }) => messages));
  if (streams > 0 || growth > 20 || mostMessages > 400) Deno.exitCode = 1;
});
