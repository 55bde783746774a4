import assert from "node:assert/strict";
import { join } from "node:path";
import { registerRunKind } from "../../../lib/runs/kinds/registry.ts";
import { resumeRun } from "../../../lib/runs/kinds/run_config.ts";
import { listCheckpoints } from "../../../lib/runs/folder/checkpoint.ts";
import { readRows } from "../../../lib/runs/folder/jsonl.ts";
import { run } from "../../../lib/runs/loop/run.ts";
import { call, withFolder } from "../../cli/temper.ts";
import { toy, type ToyConfig, toyTask } from "../toy_kind.ts";

const config = (output: string, settings: Partial<ToyConfig> = {}) =>
  toy.resolve({
    output,
    steps: 6,
    saveEvery: 2,
    keep: 9,
    device: "wasm",
    threads: 1,
    ...settings,
  });

/** All that a run leaves which does not depend on time, by file. */
async function outcome(folder: string): Promise<Record<string, unknown>> {
  const files: Record<string, unknown> = {};
  for (const path of ["checkpoint-2", "checkpoint-4", "checkpoint-6", "model"]) {
    for (const { name } of Deno.readDirSync(join(folder, path))) {
      const text = await Deno.readTextFile(join(folder, path, name));
      files[`${path}/${name}`] = text.replace(/"seconds": [\d.e-]+/, "");
    }
  }
  for (const name of ["samples.jsonl", "summary.json", "distance_before.json"]) {
    files[name] = await Deno.readTextFile(join(folder, name));
  }
  const rows = await readRows<Record<string, unknown>>(join(folder, "metrics.jsonl"));
  files["metrics.jsonl"] = rows.map(({ "time/unix": _, ...row }) => row);
  return files;
}

Deno.test("a registered kind trains, is stopped, resumed and listed as the others are", async () => {
  registerRunKind(toy);
  await withFolder(async (folder) => {
    const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
    const { summary, trained } = await run(toy, config(whole));
    assert.ok(summary.distance.after < summary.distance.before);
    assert.equal(trained, join(whole, "model"));

    const stop = new AbortController();
    const hooks = { stepped: (step: number) => void (step === 3 && stop.abort()) };
    await assert.rejects(run(toy, config(cut), hooks, { signal: stop.signal }), {
      name: "RunInterruptedError",
      message: "stopped after step 3 of 6",
      run: cut,
    });
    const stopped = (await call(["runs", "list", "--folder", folder])).stdout;
    assert.match(stopped, /^run +status +kind +steps +distance +before → after /m);
    assert.match(stopped, /^cut +stopped +toy +3\/6 +\d\.\d+$/m);
    assert.match(stopped, /^whole +finished +toy +6\/6 +\d\.\d+ +distance 2\.828 → \d\.\d+$/m);

    const { code, stderr, stdout } = await call(["sft", "--resume", cut]);
    assert.equal(code, 0, stderr);
    assert.ok(stderr.startsWith(`${cut} is a toy run, and resumed as one\n`), stderr);
    assert.match(stdout, /^step 6\/6 {2}distance \d/m);
    await Deno.remove(join(cut, "checkpoint-3"), { recursive: true });
    assert.deepEqual(await outcome(cut), await outcome(whole));
    assert.match(
      (await call(["train", "--resume", cut])).stdout,
      /is finished: all 6 steps of this toy run are done$/m,
    );

    const refused = await call(["sft", "--resume", cut, "--seed", "3"]);
    assert.match(refused.stderr, /^error: .*--seed \(0, not 3\)/);
    assert.equal((await call(["runs", "delete", "--yes", cut])).stdout, `deleted ${cut}\n`);
  });
});

Deno.test("a kind without a guard ends with the error; one with a guard stops or skips", async () => {
  await withFolder(async (folder) => {
    const guarded = (onDivergence: "stop" | "skip" | null) => ({
      ...toy,
      open: ({ device, config }: Parameters<typeof toy.open>[0]) =>
        Promise.resolve(toyTask(device, { ...config, onDivergence })),
    });
    const ended = join(folder, "ended");
    await assert.rejects(run(guarded(null), config(ended, { divergesAt: 3 })), {
      name: "UserError",
      message: "step 3 diverged (stopped in step 3, saved up to step 2)",
      run: null,
    });
    const stopped = join(folder, "stopped");
    await assert.rejects(run(guarded("stop"), config(stopped, { divergesAt: 4 })), {
      message: `step 4 diverged (stopped in step 4; the last good model is in ${stopped}/model, ` +
        `the batch in ${stopped}/diverged-4.json)`,
    });
    assert.deepEqual(await listCheckpoints(stopped), [2, 3]);
    const dump = JSON.parse(await Deno.readTextFile(join(stopped, "diverged-4.json")));
    assert.deepEqual(dump, { step: 4, reason: "step 4 diverged", rows: [{ row: 4 }] });

    const skipped = join(folder, "skipped");
    await run(guarded("skip"), config(skipped, { divergesAt: 4 }));
    const rows = await readRows<{ step: number; row: number }>(join(skipped, "metrics.jsonl"));
    assert.deepEqual(rows.map(({ step }) => step), [1, 2, 3, 5, 6]);
    assert.deepEqual(rows.map(({ row }) => row), [0, 1, 2, 4, 5]);
  });
});

Deno.test("a checkpoint of another algorithm is refused in one line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "run");
    await run(toy, config(path));
    const { config: resumed } = await resumeRun(path, { steps: 8 });
    const state = join(path, "checkpoint-6/trainer_state.json");
    const json = JSON.parse(await Deno.readTextFile(state));
    await Deno.writeTextFile(state, JSON.stringify({ ...json, trainer: { klCoef: 1 } }));
    await assert.rejects(run(toy, resumed as ToyConfig, {}, { resume: true }), {
      name: "UserError",
      message: /^not a state of toy: /,
    });
  });
});
