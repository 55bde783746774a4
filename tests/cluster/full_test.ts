/** Servers, streams and queues that have no room for more. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { connectNats } from "../../lib/cluster/connection.ts";
import type { NatsFleet } from "../../lib/cluster/fleet.ts";
import { clusterRuns } from "../../lib/cluster/status.ts";
import { openRunStores, runNames } from "../../lib/cluster/topology.ts";
import { RunInterruptedError, UserError } from "../../lib/errors.ts";
import { DiscardPolicy, Objm, RetentionPolicy } from "../../lib/packages/nats.ts";
import { withTempDir } from "../temp_dir.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";
import { before, fleetAt, results, train, until, Workers } from "./workers.ts";

const ignore = !hasServer();
const SMALL = { steps: 2, saveEvery: 1, evalEvery: 0 };

/** Gives a run an id, before a fleet joins it. */
function named(fleet: NatsFleet, run: string, id: string): NatsFleet {
  const attach = fleet.attach.bind(fleet);
  fleet.attach = async (its) => {
    await Deno.writeTextFile(join(run, "fleet.json"), JSON.stringify({ id }));
    await attach(its);
  };
  return fleet;
}

/** Runs a test with a server that has little room. */
async function withRoom(
  room: string,
  folder: string,
  test: (url: string) => Promise<void>,
): Promise<void> {
  const config = join(folder, "nats.conf");
  await Deno.writeTextFile(
    config,
    `jetstream { store_dir: "${folder}/store", max_file_store: ${room} }\n`,
  );
  await withServer(({ url }) => test(url), ["-c", config], { jetstream: false });
}

Deno.test({
  name: "a server without room for a run's queues ends it in a line",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      await withRoom("100MB", folder, async (url) => {
        await assert.rejects(
          train("grpo", join(folder, "run"), SMALL, { fleet: await fleetAt(url) }),
          (error) =>
            error instanceof UserError &&
            /no room for the run, which reserves 576 MiB: raise max_file_s/.test(error.message),
        );
      });
    });
  },
});

Deno.test({
  name: "a server that is full makes a run wait; it can be stopped, resumed and go on meanwhile",
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      await withRoom("12MB", folder, async (url) => {
        await using connection = await connectNats({ url }, "test");
        const { js, jsm } = connection;
        const fill = async () => {
          const others = await new Objm(js).create("others");
          for (let i = 0, isFull = false; !isFull; i++) {
            await others.putBlob({ name: `${i}` }, new Uint8Array(5e5)).catch(() => isFull = true);
          }
        };
        const empty = () => jsm.streams.delete("OBJ_others");
        // Small queues, for a test: those that are there are taken.
        const run = join(folder, "many");
        const { workStream, resultStream } = runNames("many");
        for (const [name, kind] of [[workStream, "work.*.*"], [resultStream, "result.*.*.*"]]) {
          const subjects = [`temper.many.${kind}`];
          await jsm.streams.add({ name, subjects, max_bytes: 2 ** 20 });
        }
        const lines: string[] = [];
        const stop = new AbortController();
        await using workers = new Workers();
        workers.start(url, "a");
        const first = before(named(await fleetAt(url), run, "many"), 2, async () => {
          await fill();
          setTimeout(() => stop.abort(), 1000);
        });
        await assert.rejects(
          train("grpo", run, SMALL, { fleet: first, signal: stop.signal, lines }),
          (error) =>
            error instanceof RunInterruptedError && /after step 1 of 2/.test(error.message),
        );
        assert.match(lines.join("\n"), /has no room \(insufficient resources\): the run waits/);
        await assert.rejects(
          train("grpo", run, SMALL, { resume: true, fleet: await fleetAt(url) }),
          (error) => error instanceof UserError && /no room for the run/.test(error.message),
        );
        await empty();
        // The lease could not be given back. It expires; here it need not be waited for.
        await (await openRunStores(connection, "many")).entries.delete("lease");
        const again = before(await fleetAt(url), 2, async () => {
          await fill();
          setTimeout(empty, 500);
        });
        await train("grpo", run, SMALL, { resume: true, fleet: again });
        assert.deepEqual(workers.errors, []);
        assert.deepEqual(await results(run), await results(join(folder, "one")));
      });
    });
  },
});

Deno.test({
  name: "work is done only once its results are stored: until then it is nobody else's, nor lost",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      await using connection = await connectNats({ url }, "test");
      const { jsm } = connection;
      const run = join(folder, "many");
      // Its results find no room.
      const { resultStream: name } = runNames("many");
      const subjects = ["temper.many.result.*.*.*"];
      const discard = DiscardPolicy.New;
      await jsm.streams.add({ name, subjects, discard, max_bytes: 100 });
      await using workers = new Workers();
      workers.start(url, "a");
      const fleet = named(await fleetAt(url), run, "many");
      const trained = train("grpo", run, SMALL, { fleet });
      await until(
        "the worker says so",
        () =>
          workers.lines.some((line) =>
            /full queue \(maximum bytes exceeded\): the worker waits/.test(line)
          ),
      );
      const [{ queue, results: stored }] = await clusterRuns(connection);
      assert.deepEqual({ queue, stored }, { queue: 2, stored: 0 });
      await jsm.streams.update(name, { max_bytes: 2 ** 20 });
      await trained;
      assert.ok(workers.lines.some((line) => /is back: the worker goes on/.test(line)));
      assert.deepEqual(await results(run), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name: "a trainer waits while the queue of work is full",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      await using connection = await connectNats({ url }, "test");
      const run = join(folder, "many");
      // Room for one of the two prompts of a step.
      await connection.jsm.streams.add({
        ...{ name: runNames("many").workStream, subjects: ["temper.many.work.*.*"] },
        ...{ retention: RetentionPolicy.Workqueue, discard: DiscardPolicy.New, max_msgs: 1 },
      });
      const lines: string[] = [];
      const fleet = named(await fleetAt(url), run, "many");
      const trained = train("grpo", run, SMALL, { fleet, lines });
      await until(
        "the trainer says so",
        () => lines.some((line) => /full queue \(maximum messages .*: the run waits/.test(line)),
      );
      assert.equal((await clusterRuns(connection))[0].queue, 1);
      await using workers = new Workers();
      workers.start(url, "a");
      await trained;
      assert.deepEqual(workers.errors, []);
      assert.deepEqual(await results(run), await results(join(folder, "one")));
    });
  },
});

Deno.test({
  name: "a worker goes on after the error of a full disk, wherever it meets it",
  ignore,
  async fn() {
    await withServer(async ({ url }, folder) => {
      await using workers = new Workers();
      const { open } = Objm.prototype;
      let failures = 1;
      Objm.prototype.open = async function (...args) {
        const store = await open.apply(this, args);
        const get = store.get.bind(store);
        store.get = async (name) => {
          if (failures-- > 0) throw new Error("write 1.blk: no space left on device");
          return await get(name);
        };
        return store;
      };
      try {
        workers.start(url, "a");
        const fleet = await fleetAt(url);
        workers.ended.then(() => fleet.fail(new Error("the worker has ended")));
        await train("grpo", join(folder, "run"), SMALL, { fleet });
      } finally {
        Objm.prototype.open = open;
      }
      assert.deepEqual(workers.errors, []);
      assert.ok(workers.lines.some((line) => /has a full disk .*: the worker waits/.test(line)));
      assert.ok(workers.lines.some((line) => /is back: the worker goes on/.test(line)));
    });
  },
});
