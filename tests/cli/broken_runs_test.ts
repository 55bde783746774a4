import assert from "node:assert/strict";
import { join } from "node:path";
import { resumeConfig, train } from "../../lib/runs/loop/train.ts";
import { outcome, smallRun } from "../runs/small_run.ts";
import { call, withFolder } from "./temper.ts";

/** A change of a run's file; undefined removes it. */
type Damage = (text: string) => string | undefined;

const line = (number: number, to: string): Damage => (text) =>
  text.split("\n").map((line, i) => i === number - 1 ? to : line).join("\n");

/** A finished run of two steps. */
async function withRun(body: (run: string, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    await train(smallRun(run, { steps: 2 }));
    await body(run, folder);
  });
}

async function damage(run: string, file: string, change: Damage): Promise<() => Promise<void>> {
  const path = join(run, file);
  const text = await Deno.readTextFile(path);
  const changed = change(text);
  if (changed === undefined) await Deno.remove(path);
  else await Deno.writeTextFile(path, changed);
  return () => Deno.writeTextFile(path, text);
}

const unreadable: [file: string, change: Damage, reason: RegExp][] = [
  ["config.json", () => "{", /config\.json is not valid JSON: /],
  ["config.json", () => "[]", /config\.json: expected settings by name, found \[\]$/],
  ["config.json", () => '{"steps": "2"}', /config\.json: steps must be an integer above 0, /],
  ["config.json", () => undefined, /run is not the folder of a run: it has no config\.json$/],
  [
    "metrics.jsonl",
    line(1, "what?"),
    /metrics\.jsonl: line 1 is damaged: restore it/,
  ],
  ["metrics.jsonl", line(2, "null"), /metrics\.jsonl: line 2 is damaged: restore it/],
  ["metrics.jsonl", line(1, '{"a": 1}'), /metrics\.jsonl: row 1 has the step missing: put it back/],
  [
    "metrics.jsonl",
    line(1, '{"step": "1"}'),
    /metrics\.jsonl: row 1 has the step "1": put it back/,
  ],
  ["summary.json", () => '{"toxicity":', /summary\.json is not JSON: /],
  ["summary.json", () => "[1]", /summary\.json holds a list, expected a JSON object/],
  ["summary.json", () => '{"toxicity": 1}', /summary\.json: toxicity: Invalid input: expected obj/],
];

Deno.test("a broken run is named with its file, and the others are listed beside it", async () => {
  await withRun(async (run, folder) => {
    await train(smallRun(join(folder, "whole"), { steps: 1 }));
    for (const [file, change, reason] of unreadable) {
      const repair = await damage(run, file, change);
      const table = await call(["runs", "list", "--folder", folder]);
      assert.equal(table.code, 0);
      assert.match(table.stdout, /^run +broken$/m);
      assert.match(table.stdout, /^whole +finished +ppo +1\/1 /m);
      const [, told] = /^\nrun: (.*)$/m.exec(table.stdout) ?? [];
      assert.match(told, reason);
      const json = JSON.parse((await call(["runs", "list", "--folder", folder, "--json"])).stdout);
      assert.deepEqual(json[0], { path: run, name: "run", status: "broken", reason: told });
      assert.equal(json[1].status, "finished");
      for (
        const command of [["show", run], ["compare", run, join(folder, "whole")], ["export", run]]
      ) {
        const { code, stdout, stderr } = await call(["runs", ...command]);
        assert.deepEqual([code, stdout, stderr], [1, "", `error: ${told}\n`]);
      }
      await repair();
    }
    const { stdout } = await call(["runs", "list", "--folder", folder]);
    assert.doesNotMatch(stdout, /broken/);
    await damage(run, "config.json", () => "{");
    assert.equal((await call(["runs", "delete", "--yes", run])).stdout, `deleted ${run}\n`);
  });
});

Deno.test("odd values in metrics are shown as gaps", async () => {
  await withRun(async (run) => {
    const odd = '{"step": 2, "ppo/mean_scores": null, "objective/kl": "x", "time/unix": []}';
    await damage(run, "metrics.jsonl", line(2, odd));
    const shown = await call(["runs", "show", run, "--metric", "ppo/mean_scores"]);
    assert.equal(shown.code, 0);
    assert.doesNotMatch(shown.stdout, /^ *0\.000 /m);
    const { stdout } = await call(["runs", "export", run]);
    assert.match(stdout, /\r\n2,,*\r\n$/);
    const tensorboard = await call(["runs", "export", run, "--format", "tensorboard"]);
    assert.equal(tensorboard.code, 0);
  });
});

Deno.test("runs without a step, files and other folders among the runs", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "begun");
    await assert.rejects(
      train(smallRun(run), {
        measured: () => {
          throw new Error("stop");
        },
      }),
    );
    await Deno.mkdir(join(folder, "model"));
    await Deno.writeTextFile(join(folder, "model", "config.json"), '{"model_type": "t5"}');
    await Deno.writeTextFile(join(folder, "notes.txt"), "");
    await Deno.symlink(run, join(folder, "latest"));
    await Deno.symlink(join(folder, "nowhere"), join(folder, "dangling"));
    const { code, stdout } = await call(["runs", "list", "--folder", folder]);
    assert.equal(code, 0);
    assert.match(stdout, /^begun +failed +ppo +0\/4$/m);
    assert.match(stdout, /^latest +failed +ppo +0\/4$/m);
    assert.doesNotMatch(stdout, /model|notes|dangling|broken/);
    const { stderr } = await call(["runs", "show", run, "--metric", "kl"]);
    assert.equal(stderr, "error: the run has no metrics: it has not finished a step\n");
    for (const text of ["[1]", "null", "{"]) {
      await Deno.writeTextFile(join(run, "failed.json"), text);
      const shown = await call(["runs", "show", run]);
      assert.match(shown.stdout, /^begun +stopped +ppo +0\/4$/m);
      assert.doesNotMatch(shown.stdout, /undefined/);
    }
    const shown = await call(["runs", "show", run]);
    assert.match(shown.stdout, /^objective\/kl\n\(no values\)$/m);
  });
});

const repaired: [file: string, change: Damage, told: RegExp | null][] = [
  ["summary.json", () => '{"toxicity": 1}', null],
  ["summary.json", () => "{", null],
  ["toxicity_before.json", () => "[]", null],
  ["toxicity_before.json", (text) => text.replace('"samples"', '"sample"'), null],
  ["toxicity_before.json", (text) => text.replace('"query": "', '"query": "Else: '), null],
  ["environment.json", () => '{"a": 1}', /environment\.json is broken: it is begun anew, /],
  ["metrics.jsonl", (text) => text + "\0\0\0\n", null],
  ["samples.jsonl", (text) => text + '{"st', null],
];

Deno.test("what of a run is broken and can be made again is made again when it is resumed", async () => {
  await withRun(async (run, folder) => {
    const whole = join(folder, "whole");
    await train(smallRun(whole, { steps: 3 }));
    const kept = join(folder, "kept");
    await copy(run, kept);
    for (const [file, change, told] of repaired) {
      await damage(run, file, change);
      const lines: string[] = [];
      const config = await resumeConfig(run, { steps: 3 });
      await train(config, { info: (line) => lines.push(line) }, { resume: true });
      assert.deepEqual(await outcome(run), await outcome(whole), file);
      if (told) assert.ok(lines.some((line) => told.test(line)), lines.join("\n"));
      await Deno.remove(run, { recursive: true });
      await copy(kept, run);
    }
    const broken = await damage(run, "summary.json", () => "{}");
    assert.equal((await call(["train", "--resume", run])).code, 0);
    const { seconds: _, ...made } = JSON.parse(await Deno.readTextFile(join(run, "summary.json")));
    await broken();
    const { seconds: __, ...was } = JSON.parse(await Deno.readTextFile(join(run, "summary.json")));
    assert.deepEqual(made, was);
  });
});

Deno.test("rows that a run has saved and that are broken are named before it is resumed", async () => {
  await withRun(async (run) => {
    for (const file of ["metrics.jsonl", "samples.jsonl"]) {
      const repair = await damage(run, file, line(1, '{"step'));
      const { code, stderr } = await call(["train", "--resume", run, "--steps", "3"]);
      assert.equal(code, 1);
      const path = join(run, file);
      assert.equal(
        stderr,
        `error: ${path}: line 1 is damaged: restore it as the run wrote it, or delete it\n`,
      );
      await repair();
    }
    for (const text of ["{", '{"steps": "many"}']) {
      const repair = await damage(run, "config.json", () => text);
      const { code, stderr } = await call(["train", "--resume", run, "--steps", "3"]);
      assert.equal(code, 1);
      assert.match(stderr, /^error: .*config\.json.*\n$/);
      await repair();
    }
  });
});

async function copy(from: string, to: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: ["-r", from, to] }).output();
  assert.ok(success);
}
