import assert from "node:assert/strict";
import { join } from "node:path";
import { Arrivals } from "../../lib/cluster/arrivals.ts";
import { connectNats } from "../../lib/cluster/connection.ts";
import { clusterRuns } from "../../lib/cluster/status.ts";
import {
  createRunStores,
  listRuns,
  openRunStores,
  removeRun,
  resultSubject,
  storedSubject,
  workSubject,
} from "../../lib/cluster/topology.ts";
import { work } from "../../lib/cluster/worker.ts";
import { RunInterruptedError, UserError } from "../../lib/errors.ts";
import { FLEET_STATE_FILE, parseFleetState } from "../../lib/runs/kinds/fleet/fleet_state.ts";
import { readTextIfThere } from "../../lib/platform/optional_text.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";
import { Proxy } from "./proxy.ts";
import { before, fleetAt, results, train, until, Workers } from "./workers.ts";

const ignore = !hasServer();
const SMALL = { steps: 2, saveEvery: 1, evalEvery: 0 };

Deno.test({
  name: "a network that is cut for ten seconds costs time and nothing else",
  ignore,
  async fn() {
    await withServer(async ({ port }, folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      await using proxy = new Proxy(port);
      await using workers = new Workers();
      workers.start(proxy.url, "a");
      let cut = Promise.resolve();
      const fleet = before(await fleetAt(proxy.url), 2, () => {
        cut = proxy.cut(10_000);
      });
      await train("grpo", join(folder, "many"), SMALL, { fleet });
      await cut;
      assert.deepEqual(await results(join(folder, "many")), await results(join(folder, "one")));
      assert.deepEqual(workers.errors, []);
    });
  },
});

Deno.test({
  name: "messages that are none disturb neither the trainer nor workers, on any subject",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      await using connection = await connectNats({ url }, "test");
      const { js, nats } = connection;
      // A run of another version.
      const { entries } = await createRunStores(connection, "0-foreign");
      await entries.put("run", JSON.stringify({ protocol: 0 }));
      await using workers = new Workers();
      const fleet = before(await fleetAt(url), 1, async () => {
        const id = (await listRuns(connection.jsm)).find((id) => id.startsWith("many-"))!;
        const stores = await openRunStores(connection, id);
        await stores.workers.put("nobody", "{");
        await stores.entries.put("version.2", "not a digest");
        await stores.entries.put("lease.more", "[]");
        const right = {
          ...{ policy: "0".repeat(64), text: "", columns: {}, firstRollout: 0 },
          ...{ step: 1, prompt: 0, tokens: [1], responses: 1, maxNewTokens: 1 },
        };
        const forged = ["", "{", right, { ...right, tokens: [1e6] }, {
          ...right,
          maxNewTokens: 1e12,
        }];
        for (const [place, message] of forged.entries()) {
          const text = typeof message === "string" ? message : JSON.stringify(message);
          await js.publish(workSubject(id, 1, place), text);
          await js.publish(resultSubject(id, 1, 0, place), text);
          await js.publish(resultSubject(id, 1, 999, place), text);
        }
        nats.publish(`temper.${id}.refused.somebody`, "no worker");
        const untrue = ["", "nonsense", resultSubject(id, 1, 1, 0), resultSubject(id, 2, 1, 0)];
        setTimeout(() => nats.publish(storedSubject(id, 1), untrue.join("\n")), 100);
        workers.start(url, "a");
      });
      const lines = await train("grpo", join(folder, "many"), SMALL, { fleet });
      assert.deepEqual(workers.errors, []);
      assert.equal(lines.filter((line) => line.includes("is refused")).length, 2, lines.join("\n"));
      const dropped = workers.lines.filter((line) => /^work for .* is dropped/.test(line));
      assert.equal(dropped.length, 5, workers.lines.join("\n"));
      assert.ok(workers.lines.some((line) => /0-foreign was described by another v/.test(line)));
      assert.deepEqual(await results(join(folder, "many")), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name:
    "a run that is removed ends for its workers, and in a line for its trainer, which can resume it",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      await using connection = await connectNats({ url }, "test");
      const remove = async () => {
        for (const id of await listRuns(connection.jsm)) await removeRun(connection, id);
      };
      await using workers = new Workers();
      workers.start(url, "a", { once: true });
      const run = join(folder, "many");
      const fleet = before(await fleetAt(url), 2, remove);
      await assert.rejects(
        train("grpo", run, SMALL, { fleet }),
        (error) =>
          error instanceof UserError && error.run === run &&
          /^the run's data at NATS was removed.* \(stopped in step 2, saved up to step 1\)$/
            .test(error.message),
      );
      await workers.ended;
      assert.deepEqual(workers.errors, []);
      assert.match(workers.lines.at(-1)!, /has ended/);
      await using others = new Workers();
      others.start(url, "b");
      await train("grpo", run, SMALL, { fleet: await fleetAt(url), resume: true });
      assert.deepEqual(await results(run), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name: "a trainer whose run another one has taken over stops; workers that are lost are told of",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await using connection = await connectNats({ url }, "test");
      const fleet = before(await fleetAt(url), 1, async () => {
        const [id] = await listRuns(connection.jsm);
        const { entries } = await openRunStores(connection, id);
        await entries.put("lease", JSON.stringify({ holder: "x", host: "h", step: 1, steps: 2 }));
      });
      await assert.rejects(
        train("grpo", join(folder, "run"), SMALL, { fleet }),
        /another trainer has taken the run over.*\(stopped in step 1, with no step saved\)$/,
      );
      const lost = await fleetAt(url);
      before(lost, 1, () => lost.fail(new UserError("all workers have ended: why")));
      await assert.rejects(
        train("grpo", join(folder, "other"), SMALL, { fleet: lost }),
        /^UserError: all workers have ended: why \(stopped in step 1/,
      );
    });
  },
});

Deno.test({
  name: "a run that waits for workers stops when it is asked to, and keeps what it has",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await train("ppo", join(folder, "one"), SMALL);
      const run = join(folder, "many");
      const stop = new AbortController();
      const first = before(await fleetAt(url), 1, () => {
        setTimeout(() => stop.abort(), 300);
      });
      await assert.rejects(
        train("ppo", run, SMALL, { fleet: first, signal: stop.signal }),
        (error) =>
          error instanceof RunInterruptedError && error.run === run &&
          /^stopped before the first step$/.test(error.message),
      );
      // What a trainer that was killed had ahead.
      await using connection = await connectNats({ url }, "test");
      const [id] = await listRuns(connection.jsm);
      const { entries } = await openRunStores(connection, id);
      await entries.put("version.9", "0".repeat(64));
      // Any worker could store what is no result.
      await connection.js.publish(`temper.${id}.result.x.0.0`, "{}");
      await using workers = new Workers();
      workers.start(url, "a");
      const resumed = before(await fleetAt(url), 2, async () => {
        const keys = await Array.fromAsync(await entries.keys("version.*"));
        assert.deepEqual(keys, ["version.1"]);
      });
      // A server that is started again may lose every notice of results: the trainer looks for them.
      const { next } = Arrivals.prototype;
      Arrivals.prototype.next = async function () {
        await next.call(this, 100);
        return [];
      };
      try {
        await train("ppo", run, SMALL, { fleet: resumed, resume: true });
      } finally {
        Arrivals.prototype.next = next;
      }
      assert.deepEqual(await results(run), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name: "a slow worker is waited for; its work goes to nobody else while it is at it",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      const script = join(folder, "slow.ts");
      await Deno.writeTextFile(
        script,
        "export default async (samples) => {\n" +
          "  await new Promise((resolve) => setTimeout(resolve, samples.length === 2 ? globalThis.slow : 0));\n" +
          "  return samples.map(({ response }) => -response.length);\n};\n",
      );
      // The only call with two samples is that of the slow worker.
      const settings = { ...SMALL, steps: 1, reward: [script], batchSize: 8, evalSamples: 3 };
      await train("grpo", join(folder, "one"), settings);
      // Longer than the time after which work that nobody says to be at goes to another worker.
      (globalThis as { slow?: number }).slow = 14_000;
      await using workers = new Workers();
      workers.start(url, "slow", { rewards: [script], batchSize: 2 });
      await using connection = await connectNats({ url }, "test");
      const fleet = await fleetAt(url);
      const trained = train("grpo", join(folder, "many"), settings, { fleet });
      // It has taken as much as it takes together.
      await until(
        "the server knows that it works",
        async () => (await clusterRuns(connection))[0]?.workers[0]?.state === "working",
      );
      // The site shows it from the run's folder.
      const file = join(folder, "many", FLEET_STATE_FILE);
      const state = async () => parseFleetState(JSON.parse(await readTextIfThere(file) ?? "null"));
      await until(
        "the run's folder says so",
        async () => (await state())?.workers[0]?.state === "working",
      );
      const { workers: listed, ...others } = (await state())!;
      assert.deepEqual(listed.map(({ name, rollouts }) => [name, rollouts]), [["slow", 0]]);
      assert.match(others.policy, /^[0-9a-f]{12}$/);
      const { waiting, working, step, staleness } = others;
      assert.deepEqual({ waiting, working, step, staleness }, {
        ...{ waiting: 3, working: 1, step: 1, staleness: 0 },
      });
      (globalThis as { slow?: number }).slow = undefined;
      workers.start(url, "fast");
      await trained;
      assert.deepEqual(Object.fromEntries(workers.made), { slow: 2, fast: 6 });
      assert.equal(await state(), null);
      assert.deepEqual(await results(join(folder, "many")), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name: "a worker for one run ends when the server stays away",
  ignore,
  async fn() {
    await withServer(async ({ url, kill, port }) => {
      const { signal } = new AbortController();
      const options = { run: null, name: "a", batchSize: 1, model: null, rewards: [] };
      const lines: string[] = [];
      const ended = work(
        { url },
        { ...options, once: true, awayMs: 1000, device: "wasm", threads: 1, autotune: false },
        { info: (line) => lines.push(line) },
        signal,
      );
      await until("it looks for a run", () => lines.includes("waiting for a run"));
      await kill();
      await assert.rejects(
        ended,
        (error) =>
          error instanceof UserError &&
          error.message.startsWith(`NATS at nats://127.0.0.1:${port} has been away for `),
      );
    });
  },
});
