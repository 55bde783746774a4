import assert from "node:assert/strict";
import { join } from "node:path";
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
        [["cluster", "--json"], /^error: no address of a NATS server: give nats:/],
        [["cluster", "nats://me:100%@127.0.0.1:1"], /^error: the user or password .* write %25/],
        [["work", "nonsense"], /^error: "nonsense" is no address of NATS: expected nats:/],
        [["work", "nats://me:100%@127.0.0.1:1"], /^error: the user or password .* write %25/],
        [[...train, "--nats", "host"], /^error: "host" is no address of NATS/],
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
