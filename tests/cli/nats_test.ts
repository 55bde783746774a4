import assert from "node:assert/strict";
import { join } from "node:path";
import { connectNats } from "../../lib/cluster/connection.ts";
import { createRunStores } from "../../lib/cluster/topology.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";
import { SMALL } from "../runs/small_run.ts";
import { withTempDir } from "../temp_dir.ts";
import { call, temper } from "./temper.ts";

Deno.test("mistakes about NATS are told in one line", async () => {
  await withTempDir(async (folder) => {
    const config = join(folder, "settings.json");
    await Deno.writeTextFile(config, JSON.stringify({ ...SMALL, staleness: 1 }));
    const train = ["train", "--output", join(folder, "run")];
    for (
      const [args, expected] of [
        [["cluster", "sho"], /^error: there is no command cluster sho: did you mean show/],
        [["cluster", "--json"], /^error: no NATS server given: pass its address \(nats:/],
        [["cluster", "nats://me:100%@127.0.0.1:1"], /^error: the user or password .* write %25/],
        [["cluster", "remove", "nats://127.0.0.1:1"], /^error: .*takes the id of a run first/],
        [
          ["work", "nonsense"],
          /^error: "nonsense" is not the address of a NATS server: expected nats:/,
        ],
        [["work", "nats://me:100%@127.0.0.1:1"], /^error: the user or password .* write %25/],
        [[...train, "--nats", "host"], /^error: "host" is not the address of a NATS server/],
        [[...train, "--nats-creds", "my.creds"], /^error: --nats-creds is for .* with --nats$/],
        [[...train, "--config", config], /settings.json: staleness 1 is for runs with workers/],
      ] as const
    ) {
      const { code, stderr } = await call([...args]);
      assert.notEqual(code, 0, args.join(" "));
      assert.match(stderr.trimEnd(), expected);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    }
  });
});

Deno.test({
  name: "a wrong password for NATS is told in one line",
  ignore: !hasServer(),
  async fn() {
    await withServer(async ({ port }) => {
      const { code, stderr } = await temper(["work", `nats://me:wrong@127.0.0.1:${port}`]);
      assert.equal(code, 1, stderr);
      assert.equal(
        stderr.trimEnd(),
        `error: cannot use NATS at nats://127.0.0.1:${port}: it does not accept the user, token, ` +
          "credentials or NKEY",
      );
    }, ["--user", "me", "--pass", "word"]);
  },
});

Deno.test({
  name: "cluster shows a run's trainer, queue, versions and workers, and a trainer that was killed",
  ignore: !hasServer(),
  async fn() {
    await withServer(async ({ url }) => {
      assert.equal((await call(["cluster", url])).stdout, `no run at ${url}\n`);
      await using connection = await connectNats({ url }, "test");
      const { entries, workers, policies } = await createRunStores(connection, "run-1");
      await entries.put("lease", JSON.stringify({ holder: "x", host: "there", step: 1, steps: 9 }));
      const [worker, work] = [
        { device: "a GPU", state: "waiting", rollouts: 8, tokensPerSecond: 99.6, idle: 0.25 },
        { step: 1, prompt: 0 },
      ].map((message) => JSON.stringify(message));
      await workers.put("w1", worker);
      await connection.js.publish("temper.run-1.work.1.0", work);
      await policies.putBlob({ name: "p" }, new Uint8Array(4));
      const shown = async () => (await call(["cluster", url])).stdout.split("\n").slice(0, -1);
      assert.deepEqual(await shown(), [
        "run-1 (unknown): step 1 of 9 on there",
        "  prompts to do: 1, results stored: 0, versions of the policy: 1",
        "  worker  state    responses  tokens/s  idle  device",
        "  ──────  ───────  ─────────  ────────  ────  ──────",
        "  w1      waiting          8       100  25 %  a GPU",
      ]);
      const { now } = Date;
      Date.now = () => now() + 60_000;
      try {
        assert.equal(
          (await shown())[0],
          "run-1 (unknown): no trainer, since the one at step 1 of 9 on there sends no heartbeat: " +
            "it can be resumed",
        );
      } finally {
        Date.now = now;
      }
    });
  },
});
