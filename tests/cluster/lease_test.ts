import assert from "node:assert/strict";
import { connectNats } from "../../lib/cluster/connection.ts";
import { findTrainer, Lease } from "../../lib/cluster/lease.ts";
import { createRunStores } from "../../lib/cluster/topology.ts";
import { RunInterruptedError, UserError } from "../../lib/errors.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";

const ignore = !hasServer();

Deno.test({
  name: "a run has one trainer: another waits for its heartbeat, and takes over when there is none",
  ignore,
  async fn() {
    await withServer(async ({ url }) => {
      await using connection = await connectNats({ url }, "test");
      const { entries } = await createRunStores(connection, "run");
      const take = (holder: string, patience: number, waiting: () => void = () => {}) =>
        Lease.take(entries, { holder, host: `host of ${holder}`, steps: 1 }, { waiting, patience });
      let waits = 0;
      const first = await take("first", 0, () => waits++);
      assert.equal(waits, 0);
      // It renews its lease every three seconds.
      await assert.rejects(
        take("second", 4000, () => waits++),
        (error) => error instanceof UserError && /\(on host of first\)/.test(error.message),
      );
      assert.equal(waits, 1);
      const stop = new AbortController();
      const waiting = () => stop.abort();
      await assert.rejects(
        Lease.take(entries, { holder: "x", host: "", steps: 1 }, { waiting, signal: stop.signal }),
        RunInterruptedError,
      );
      first.check();
      const third = await take("third", 0, () => waits++);
      await new Promise((resolve) => setTimeout(resolve, 3500));
      assert.throws(() => first.check(), /another trainer has taken the run over/);
      third.check();
      await first[Symbol.asyncDispose]();
      await third[Symbol.asyncDispose]();
      const fourth = await take("fourth", 0, () => waits++);
      assert.equal(waits, 2);
      await fourth[Symbol.asyncDispose]();
    });
  },
});

Deno.test({
  name: "a trainer that was killed is told from one that lives, whatever the clocks say",
  ignore,
  async fn() {
    await withServer(async ({ url }) => {
      await using connection = await connectNats({ url }, "test");
      const { entries } = await createRunStores(connection, "run");
      assert.equal(await findTrainer(entries), null);
      const { now } = Date;
      try {
        {
          await using _lease = await Lease.take(
            entries,
            { holder: "a", host: "h", steps: 2 },
            { waiting() {} },
          );
          for (const clock of [0, 3_600_000]) {
            Date.now = () => now() + clock;
            assert.deepEqual(await findTrainer(entries), {
              ...{ host: "h", step: 0, steps: 2, isAlive: true },
            });
          }
        }
        assert.equal(await findTrainer(entries), null);
        await entries.put("lease", JSON.stringify({ holder: "a", host: "h", step: 1, steps: 2 }));
        assert.equal((await findTrainer(entries))?.isAlive, false);
      } finally {
        Date.now = now;
      }
    });
  },
});
