/** A disk that is really full, and a network that is really cut. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readTextIfThere } from "../../lib/platform/optional_text.ts";
import { hasServer, withServer } from "../../scripts/nats_server.ts";
import { type Running, start } from "../cli/temper.ts";
import { smallGroup } from "../runs/small_run.ts";
import { withTempDir } from "../temp_dir.ts";
import { hasNamespaces, Machine, NEAR, unplug } from "./namespaces.ts";
import { before, fleetAt, results, train, until, Workers } from "./workers.ts";

const ignore = !hasServer() || !hasNamespaces();
const WHY = ignore ? " (ignored: it needs nats-server, ip and the right to make namespaces)" : "";
const SMALL = { steps: 2, saveEvery: 1, evalEvery: 0 };

/** Fills a disk up to its last byte. */
async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  for (const size of [65536, 512]) {
    try {
      for (;;) await file.write(new Uint8Array(size));
    } catch {
      // Less than that is left.
    }
  }
}

Deno.test({
  name: `a full disk of the server makes a run wait, and say so, until there is room${WHY}`,
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      await train("grpo", join(folder, "one"), SMALL);
      const disk = { folder: join(folder, "disk"), kib: 8192 };
      await Deno.mkdir(disk.folder);
      await using machine = await Machine.withDisk(disk);
      // More than there is: the server believes that it has room.
      const config = join(folder, "nats.conf");
      await Deno.writeTextFile(
        config,
        `jetstream { store_dir: "${disk.folder}/store", max_file_store: 10GB }\n`,
      );
      await withServer(
        async ({ url, kill, restart }) => {
          await using workers = new Workers();
          workers.start(url, "a");
          const filler = join(machine.root, disk.folder, "filler");
          const lines: string[] = [];
          const fleet = before(await fleetAt(url), 2, () => fill(filler));
          const trained = train("grpo", join(folder, "many"), SMALL, { fleet, lines });
          const told = (what: RegExp) => lines.some((line) => what.test(line));
          // The server may fail at first, or stop answering: either is told.
          await until(
            "the trainer says so",
            () => told(/(full disk|not answer) .*: the run waits/),
          );
          await Deno.remove(filler);
          await kill();
          await restart();
          await trained;
          assert.ok(told(/is back: the run goes on/), lines.join("\n"));
          assert.deepEqual(workers.errors, []);
          assert.deepEqual(await results(join(folder, "many")), await results(join(folder, "one")));
        },
        ["-c", config],
        { jetstream: false, within: machine.inside() },
      );
    });
  },
});

Deno.test({
  name: `a network that is cut in two for ten seconds costs time and nothing else${WHY}`,
  ignore,
  async fn() {
    await withTempDir(async (folder) => {
      const settings = { ...SMALL, steps: 8 };
      await train("grpo", join(folder, "one"), settings);
      const [near, far] = await Machine.pair();
      await using _near = near;
      await using _far = far;
      const log = join(folder, "nats.log");
      const [command, ...args] = near.inside("nats-server", "--jetstream", "--log", log);
      const server = new Deno.Command(command, {
        args: [...args, "--store_dir", join(folder, "store")],
      }).spawn();
      const processes: Running[] = [];
      try {
        await until(
          "the server is ready",
          async () => (await readTextIfThere(log))?.includes("Server is ready") ?? false,
        );
        const config = join(folder, "settings.json");
        const { output: _, ...its } = smallGroup("");
        await Deno.writeTextFile(config, JSON.stringify({ ...its, ...settings }));
        const run = join(folder, "many");
        const url = `nats://${NEAR}:4222`;
        const worker = (machine: Machine, name: string) => {
          const args = ["work", url, "--name", name, "--threads", "1", "--batch-size", "2"];
          return start(args, { within: machine.inside() });
        };
        const workers = [worker(near, "near"), worker(far, "far")];
        processes.push(...workers);
        await until(
          "both workers look for a run",
          () => workers.every(({ stderr }) => stderr().includes("waiting for a run")),
        );
        const trainer = start(
          ["grpo", "--nats", url, "--no-progress", "--config", config, "--output", run],
          { within: far.inside() },
        );
        processes.push(trainer);
        await until(
          "both have worked",
          () => workers.every(({ stderr }) => stderr().includes("responses")),
        );
        const steps = async () =>
          (await readTextIfThere(join(run, "metrics.jsonl")))?.split("\n").length ?? 0;
        const done = await steps();
        await unplug(near, 10_000);
        assert.ok(await steps() <= done + 1, "the cut made no difference");
        const { code, stderr } = await trainer.ended;
        assert.equal(code, 0, stderr);
        assert.deepEqual(await results(run), await results(join(folder, "one")));
        for (const { stderr } of workers) assert.ok(!stderr().includes("error"), stderr());
      } finally {
        for (const { child } of processes) {
          try {
            child.kill("SIGKILL");
          } catch {
            // It has ended.
          }
        }
        server.kill("SIGKILL");
        await Promise.all([server.status, ...processes.map(({ ended }) => ended)]);
      }
    });
  },
});
