import assert from "node:assert/strict";
import { join } from "node:path";
import { connectFleet } from "../../mod.ts";
import { connectNats } from "../../lib/cluster/connection.ts";
import { clusterRuns } from "../../lib/cluster/status.ts";
import { listRuns, removeRun, resultSubject, runNames } from "../../lib/cluster/topology.ts";
import { RunInterruptedError, UserError } from "../../lib/errors.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";
import { before, column, fleetAt, results, train, until, Workers } from "./workers.ts";

const ignore = !hasServer();

for (const kind of ["ppo", "grpo", "rloo"]) {
  Deno.test({
    name: `${kind}: three workers give what one machine gives, bit for bit, and leave nothing`,
    ignore,
    async fn() {
      await withServer(async ({ url }, folder) => {
        await train(kind, join(folder, "one"));
        await using workers = new Workers();
        for (const name of ["a", "b", "c"]) workers.start(url, name);
        await using connection = await connectNats({ url }, "test");
        let kept: unknown = null;
        const fleet = before(await fleetAt(url), 4, async () => {
          const [{ results, versions }] = await clusterRuns(connection);
          kept = { results, versions };
        });
        await train(kind, join(folder, "many"), {}, { fleet });
        assert.deepEqual(await results(join(folder, "many")), await results(join(folder, "one")));
        assert.deepEqual(workers.errors, []);
        const made = [...workers.made.values()].reduce((sum, count) => sum + count, 0);
        assert.equal(made, kind === "ppo" ? 8 : 16);
        assert.deepEqual(await column(join(folder, "many"), "staleness"), [0, 0, 0, 0]);
        // What steps up to the checkpoint of the second needed is gone.
        assert.deepEqual(kept, { results: kind === "ppo" ? 2 : 4, versions: 1 });
        assert.deepEqual(await listRuns(connection.jsm), []);
        assert.equal((await Array.fromAsync(connection.jsm.streams.list())).length, 0);
      });
    },
  });
}

Deno.test({
  name:
    "with staleness, the number of workers changes nothing, and a stopped run is resumed exactly",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      // A step is one update, and any other policy than the one that responded leaves the clip range.
      const settings = {
        ...{ staleness: 1, saveEvery: 1, numIterations: 1, miniBatchSize: 4 },
        ...{ epsilon: 1e-6, learningRate: 0.01 },
      };
      await using workers = new Workers();
      workers.start(url, "a");
      await train("grpo", join(folder, "first"), settings, { fleet: await fleetAt(url) });
      workers.start(url, "b");
      workers.start(url, "c");
      await train("grpo", join(folder, "second"), settings, { fleet: await fleetAt(url) });
      const expected = await results(join(folder, "first"));
      assert.deepEqual(await results(join(folder, "second")), expected);
      await train("grpo", join(folder, "fresh"), { ...settings, staleness: 0 });
      assert.notDeepEqual((await results(join(folder, "fresh"))).adapter, expected.adapter);

      // The ratios are those to the policy that responded: the one before, from the second step on.
      const [first, fresh] = [join(folder, "first"), join(folder, "fresh")];
      assert.deepEqual(await column(first, "staleness"), [0, 1, 1, 1]);
      const clipped = await column(first, "clip_ratio/region_mean");
      assert.deepEqual(clipped.map((share) => share > 0), [false, true, true, true]);
      assert.deepEqual(await column(fresh, "clip_ratio/region_mean"), [0, 0, 0, 0]);
      // The names of TRL's AsyncGRPOTrainer.
      for (const name of ["queue_wait_time_s", "weight_sync_time_s", "generation_tok_per_s"]) {
        assert.ok((await column(first, name)).every((value) => value > 0), name);
      }
      const ahead = await column(first, "buffer_qsize");
      assert.ok(ahead.every((size) => size >= 0 && size <= 4) && ahead[3] === 0, ahead.join());

      // The trainer stops after its second step, and goes on: rollouts of the third were to come from
      // the policy after the first.
      const stopped = join(folder, "stopped");
      const stop = new AbortController();
      const fleet = await fleetAt(url);
      const collect = fleet.collect.bind(fleet);
      fleet.collect = (step, ...others) => {
        if (step === 2) stop.abort();
        return collect(step, ...others);
      };
      await assert.rejects(
        train("grpo", stopped, settings, { fleet, signal: stop.signal }),
        RunInterruptedError,
      );
      const fleet2 = await fleetAt(url);
      await train("grpo", stopped, settings, { fleet: fleet2, resume: true });
      assert.deepEqual(await results(stopped), expected);
      assert.deepEqual(workers.errors, []);
    });
  },
});

Deno.test({
  name: "a trainer's own work while workers are at theirs is no time that it waits for responses",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await using workers = new Workers();
      workers.start(url, "a");
      const fleet = await fleetAt(url);
      const collect = fleet.collect.bind(fleet);
      fleet.collect = (step, requests, policy, meanwhile) =>
        collect(step, requests, policy, async () => {
          await meanwhile();
          await new Promise((resolve) => setTimeout(resolve, 3000));
        });
      // The responses to the last step's prompts are there before it begins.
      const settings = { staleness: 1, steps: 2 };
      await train("grpo", join(folder, "run"), settings, { fleet });
      const waited = await column(join(folder, "run"), "queue_wait_time_s");
      assert.ok(waited[1] > 0 && waited[1] < 2, waited.join());
    });
  },
});

Deno.test({
  name: "ppo: ratios are those to the policy that responded, also with staleness",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      // A step is one update.
      const one = { ppoEpochs: 1, miniBatchSize: 2, policyDropout: false, learningRate: 0.01 };
      await using workers = new Workers();
      workers.start(url, "a");
      for (const staleness of [0, 1]) {
        const run = join(folder, `${staleness}`);
        await train("ppo", run, { ...one, staleness }, { fleet: await fleetAt(url) });
        const distances = await column(run, "ppo/policy/approxkl");
        assert.deepEqual(
          distances.map((distance) => distance > 0),
          staleness === 0 ? [false, false, false, false] : [false, true, true, true],
        );
      }
    });
  },
});

Deno.test({
  name:
    "a result of another policy, or that is none, is refused and made again; its worker is told",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await train("grpo", join(folder, "one"));
      await using connection = await connectNats({ url }, "test");
      await using workers = new Workers();
      workers.start(url, "forger");
      const fleet = before(await fleetAt(url), 2, async () => {
        const [id] = await listRuns(connection.jsm);
        const right = { policy: "0".repeat(64), worker: "forger", seconds: 0, scores: {} };
        const numbers = { tokens: [5], logprobs: [-1], values: null };
        const forged: [number, unknown][] = [[0, { ...right, ...numbers }], [1, { nothing: 1 }]];
        for (const [response, message] of forged) {
          const subject = resultSubject(id, 2, 0, response);
          await connection.js.publish(subject, JSON.stringify(message));
        }
        workers.start(url, "honest");
      });
      const lines = await train("grpo", join(folder, "many"), {}, { fleet });
      const refused = lines.filter((line) => line.includes("is refused"));
      assert.equal(refused.length, 2, lines.join("\n"));
      assert.match(
        refused[0],
        /result of forger is refused \(step 2, prompt 0\): the policy 0{12}/,
      );
      assert.deepEqual(workers.errors.map((error) => error instanceof UserError), [true]);
      assert.match(
        workers.errors[0].message,
        /^the trainer refuses this worker's results: the policy 0{12} made it, expected [0-9a-f]{12}$/,
      );
      assert.deepEqual(await results(join(folder, "many")), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name: "the first result of an id is the one: a second is not stored",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await using connection = await connectNats({ url }, "test");
      const fleet = await fleetAt(url);
      await fleet.attach({
        folder,
        config: { kind: "grpo", steps: 1, staleness: 0, saveEvery: 0 } as { kind: string },
        fingerprints: {},
        info() {},
      });
      const [id] = await listRuns(connection.jsm);
      const subject = resultSubject(id, 1, 0, 0);
      await connection.js.publish(subject, "first");
      await assert.rejects(connection.js.publish(subject, "second"), /per subject/);
      const { resultStream } = runNames(id);
      const stored = await connection.jsm.streams.getMessage(resultStream, {
        last_by_subj: subject,
      });
      assert.equal(stored?.string(), "first");
      const [run] = await clusterRuns(connection);
      assert.deepEqual([run.kind, run.trainer?.step, run.results], ["unknown", 0, 1]);

      // Another process may not train it meanwhile.
      await fleet.leave(false);
      assert.equal((await clusterRuns(connection))[0].trainer, null);
      await removeRun(connection, id);
      await assert.rejects(removeRun(connection, id), UserError);
    });
  },
});

Deno.test({
  name: "a worker with another model, or without one, says so in a line",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      const model = join(folder, "model");
      await Deno.mkdir(model);
      for await (const { name } of Deno.readDir("demo/tiny-flan-t5")) {
        await Deno.copyFile(join("demo/tiny-flan-t5", name), join(model, name));
      }
      const other = join(folder, "other");
      await Deno.mkdir(other);
      for await (const { name } of Deno.readDir(model)) {
        await Deno.copyFile(join(model, name), join(other, name));
      }
      await Deno.writeTextFile(join(other, "generation_config.json"), "{}");
      await using workers = new Workers();
      workers.start(url, "without", { model: null });
      workers.start(url, "wrong", { model: other });
      const trained = train("ppo", join(folder, "run"), { model, steps: 1 }, {
        fleet: await fleetAt(url),
      });
      await until("both have ended", () => workers.errors.length === 2);
      workers.start(url, "right", { model });
      await trained;
      const messages = workers.errors.map(({ message }) => message).sort();
      assert.match(messages[0], /the model .*other here is not the trainer's: its fingerprint is/);
      assert.match(messages[1], /a folder of the trainer's machine: give `model`/);
      assert.equal(workers.made.get("right"), 2);
    });
  },
});

Deno.test({
  name: "a script scores on the trainer, unless the worker was started with it",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      const script = join(folder, "brevity.ts");
      await Deno.writeTextFile(
        script,
        "export default (samples) => samples.map(({ response }) => -response.length);\n",
      );
      const settings = { reward: ["demo/tiny-roberta-toxicity", script] };
      await train("grpo", join(folder, "one"), settings);
      await using workers = new Workers();
      workers.start(url, "plain");
      await train("grpo", join(folder, "many"), settings, { fleet: await connectFleet({ url }) });
      assert.ok(workers.lines.includes(`the reward ${script} is scored by the trainer`));
      await workers[Symbol.asyncDispose]();
      await using trusted = new Workers();
      trusted.start(url, "trusting", { rewards: [script] });
      await train("grpo", join(folder, "more"), settings, { fleet: await fleetAt(url) });
      assert.ok(!trusted.lines.some((line) => line.includes("scored by the trainer")));
      const expected = await results(join(folder, "one"));
      assert.deepEqual(await results(join(folder, "many")), expected);
      assert.deepEqual(await results(join(folder, "more")), expected);
    });
  },
});
