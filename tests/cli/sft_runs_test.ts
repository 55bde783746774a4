import assert from "node:assert/strict";
import { join } from "node:path";
import { resumeRun } from "../../lib/runs/kinds/run_config.ts";
import { sft } from "../../lib/runs/loop/sft.ts";
import type { SftRunConfig } from "../../lib/runs/settings/sft_config.ts";
import { outcome, smallSft } from "../runs/small_run.ts";
import { call, withFolder } from "./temper.ts";

Deno.test("runs of sft are listed, shown, compared, exported and deleted", async () => {
  await withFolder(async (folder) => {
    const [first, second] = ["first", "second"].map((name) => join(folder, name));
    await sft(smallSft(first, { log: "tensorboard" }));
    // One whose number of steps comes from its data, and that is not done.
    const { config } = await stopped(smallSft(second, { steps: null, seed: 1 }), 1);
    const runs = async (...args: string[]) => {
      const { code, stdout, stderr } = await call(["runs", ...args]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const list = await runs("list", "--folder", folder);
    assert.match(list, /^run +status +kind +steps +loss +before → after +time$/m);
    assert.match(list, /^first +finished +sft +4\/4 +\d.\d+ +ROUGE-1 \d.\d+ → \d.\d+ +\ds$/m);
    assert.match(list, /^second +stopped +sft +1\/400 +\d.\d+$/m);
    const [json] = JSON.parse(await runs("list", "--folder", folder, "--json"));
    assert.deepEqual([json.kind, json.steps, json.totalSteps], ["sft", 4, 4]);
    assert.ok(json.changes.loss.after < json.changes.loss.before);

    assert.match(await runs("show", first), /^loss\n\d/m);
    assert.match(await runs("compare", first, second), /^seed +0 +1$/m);
    assert.match(await runs("export", first), /^step,epoch,loss,grad_norm,learning_rate,labels,/);
    const [{ name: events }] = Deno.readDirSync(join(first, "tensorboard"));
    assert.match(events, /tfevents/);
    assert.match(await Deno.readTextFile(join(first, "log.txt")), /before training: loss .*\n/);
    const [session] = JSON.parse(await Deno.readTextFile(join(first, "environment.json")));
    assert.deepEqual(Object.keys(session.fingerprints), ["model", "dataset"]);

    assert.equal(config.steps, null);
    assert.equal(await runs("delete", "--yes", first), `deleted ${first}\n`);
    assert.throws(() => Deno.statSync(first), Deno.errors.NotFound);
  });
});

for (const full of [false, true]) {
  Deno.test(`sft${full ? " --full" : ""} that was stopped is resumed bit for bit`, async () => {
    await withFolder(async (folder) => {
      const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
      const settings = { full, steps: 3, saveEvery: 9, weightDecay: 0.1 };
      const { trained } = await sft(smallSft(whole, settings));
      const { config } = await stopped(smallSft(cut, settings), 2);
      await sft(config, {}, { resume: true });
      assert.deepEqual(await outcome(cut), await outcome(whole));
      assert.match(await Deno.readTextFile(join(trained, "README.md")), /^\| ROUGE|^\| rouge1 /m);
    });
  });
}

Deno.test("a folder that an earlier version left is listed and shown", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    await sft(smallSft(run, { steps: 1 }));
    for (const name of ["environment.json", "log.txt", "measurement_before.json"]) {
      await Deno.remove(join(run, name));
    }
    await Deno.remove(join(run, "checkpoint-1"), { recursive: true });
    const path = join(run, "config.json");
    const { kind: _, keep: __, log: ___, ...earlier } = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify(earlier));
    const list = (await call(["runs", "list", "--folder", folder])).stdout;
    assert.match(list, /^run +finished +sft +1\/1 /m);
    await Deno.writeTextFile(path, JSON.stringify({ ...earlier, steps: null }));
    assert.equal((await call(["runs", "list", "--folder", folder])).stdout, list);
    assert.equal((await call(["runs", "show", run])).code, 0);
    assert.match(
      (await call(["sft", "--resume", run])).stdout,
      /is finished: all 1 steps of this sft run are done/,
    );
  });
});

Deno.test("the settings of a run are started with the command of its kind", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "config.json");
    const { kind, ...early } = smallSft(join(folder, "run"));
    assert.equal(kind, "sft");
    // Also where it does not say its kind, as those of early versions.
    for (const settings of [{ kind, ...early }, early]) {
      await Deno.writeTextFile(file, JSON.stringify(settings));
      const { code, stderr } = await call(["train", "--config", file]);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^error: \S+config\.json has the settings of a run of kind sft: start it with .* sft --config /,
      );
    }
    await Deno.writeTextFile(file, JSON.stringify({ kind: "sarsa" }));
    assert.match(
      (await call(["train", "--config", file])).stderr,
      /no kind of run "sarsa": expected one of/,
    );
  });
});

/** Stops a run after a step, and gives the settings to go on with it. */
async function stopped(config: SftRunConfig, after: number): Promise<{ config: SftRunConfig }> {
  const stop = new AbortController();
  const hooks = { stepped: (step: number) => void (step === after && stop.abort()) };
  await assert.rejects(sft(config, hooks, { signal: stop.signal }), {
    name: "RunInterruptedError",
    message: /^stopped after step \d of /,
    run: config.output,
  });
  const resumed = await resumeRun(config.output!, {});
  return { config: resumed.config as SftRunConfig };
}
