import assert from "node:assert/strict";
import { join } from "node:path";
import { type Running, start } from "../cli/temper.ts";
import { smallRun } from "../runs/small_run.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";
import { results, until } from "./workers.ts";

const ignore = !hasServer();

/** Sets the clock of a process an hour ahead, and a day more every ten seconds. */
const CLOCK = `
const now = Date.now;
const start = now();
Date.now = () => now() + 3_600_000 + Math.floor((now() - start) / 10_000) * 86_400_000;
globalThis.Date = new Proxy(Date, {
  construct: (Own, args) => args.length > 0 ? new Own(...args) : new Own(Own.now()),
});
`;

Deno.test({
  name: "a worker, the server and the trainer are killed, and the run ends as on one machine",
  ignore,
  async fn() {
    await withServer(async ({ url, kill, restart }, folder) => {
      const { output: _, ...settings } = smallRun("unused", {
        steps: 4,
        saveEvery: 2,
        batchSize: 8,
        miniBatchSize: 4,
        outputMinLength: 10,
        outputMaxLength: 20,
      });
      const config = join(folder, "settings.json");
      await Deno.writeTextFile(config, JSON.stringify(settings));
      const one = start(["train", "--config", config, "--output", join(folder, "one")]);
      const run = join(folder, "many");
      const args = ["train", "--nats", url, "--json", "--no-progress"];
      const trainer = start([...args, "--config", config, "--output", run]);
      const worker = (name: string, preload?: string) =>
        start(["work", url, "--name", name, "--threads", "1", "--batch-size", "1"], { preload });
      // Clocks of machines may be wrong.
      const clock = join(folder, "clock.ts");
      await Deno.writeTextFile(clock, CLOCK);
      const [victim, a, b] = [worker("victim"), worker("a"), worker("b", clock)];
      const worked = ({ stderr }: Running, step: number) => stderr().includes(`step ${step}:`);

      // A worker dies at its work: what it had goes to others.
      await until("the victim works", () => worked(victim, 1));
      victim.child.kill("SIGKILL");
      await until("others work on", () => worked(a, 2) || worked(b, 2));
      // The server loses nothing that it has acknowledged.
      await kill();
      await new Promise((resolve) => setTimeout(resolve, 500));
      await restart();
      await until("others work after the restart", () => worked(a, 4) || worked(b, 4));
      // Another trainer goes on with the run; workers stay.
      trainer.child.kill("SIGKILL");
      await trainer.ended;
      const second = await start(["train", "--resume", run, "--nats", url, "--no-progress"]).ended;
      assert.equal(second.code, 0, second.stderr);
      assert.equal((await one.ended).code, 0);
      assert.deepEqual(await results(run), await results(join(folder, "one")));
      for (const { child, stderr } of [a, b]) {
        child.kill("SIGTERM");
        assert.ok(!stderr().includes("error"), stderr());
      }
      await Promise.all([victim.ended, a.ended, b.ended]);
    });
  },
});
