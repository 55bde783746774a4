import assert from "node:assert/strict";
import { join } from "node:path";
import { RunLock } from "../../lib/runs/folder/lock.ts";
import { readRows } from "../../lib/runs/folder/jsonl.ts";
import { train } from "../../lib/runs/loop/train.ts";
import { smallRun } from "../runs/small_run.ts";
import { call, temper, withFolder } from "./temper.ts";

Deno.test("runs are listed, shown, compared, exported and deleted", async () => {
  await withFolder(async (folder) => {
    const [first, second] = ["first", "second"].map((name) => join(folder, name));
    await train(smallRun(first, { steps: 2, log: "tensorboard" }));
    await train(smallRun(second, { steps: 1, seed: 1 }));
    await Deno.mkdir(join(folder, "no-run"));

    const list = await call(["runs", "list", "--folder", folder]);
    assert.match(list.stdout, /^first +finished +ppo +2\/2 .* → /m);
    assert.match(list.stdout, /^second +finished +ppo +1\/1 /m);
    const json = JSON.parse((await call(["runs", "list", "--folder", folder, "--json"])).stdout);
    assert.deepEqual(json.map((run: { name: string }) => run.name), ["first", "second"]);
    assert.deepEqual(
      JSON.parse((await call(["runs", "list", folder, "--json"])).stdout),
      json,
    );
    const empty = await call(["runs", "list", "--folder", join(folder, "none")]);
    assert.match(empty.stdout, /^there are no runs in /);

    const shown = await call(["runs", "show", first]);
    assert.match(shown.stdout, /^ppo\/mean_scores\n.*\d /m);
    const unknown = await call(["runs", "show", first, "--metric", "kl"]);
    assert.match(unknown.stderr, /^error: there is no metric kl: the run has objective\/kl, /);

    const compared = await call(["runs", "compare", first, second]);
    assert.match(compared.stdout, /^seed +0 +1$/m);
    assert.match(compared.stdout, /^steps +2 +1$/m);
    assert.doesNotMatch(compared.stdout, /^learningRate/m);

    const csv = (await call(["runs", "export", first])).stdout.split("\r\n");
    const rows = await readRows<Record<string, unknown>>(join(first, "metrics.jsonl"));
    const column = csv[0].split(",").indexOf("objective/kl_coef");
    assert.deepEqual(
      csv.slice(1, -1).map((line) => Number(line.split(",")[column])),
      rows.map((row) => row["objective/kl_coef"]),
    );

    const events = (path: string) => {
      const [{ name }] = Deno.readDirSync(path);
      const bytes = Deno.readFileSync(join(path, name));
      // All but the first record, which has the time of writing.
      return bytes.subarray(16 + Number(new DataView(bytes.buffer).getBigUint64(0, true)));
    };
    const exported = join(folder, "tensorboard");
    const toTensorboard = ["runs", "export", first, "--format", "tensorboard"];
    await call([...toTensorboard, "--output", exported]);
    assert.deepEqual(events(exported), events(join(first, "tensorboard")));

    // Events of other programs are theirs; an earlier export gives way.
    const others = join(exported, "events.out.tfevents.1700000000.host.1.0");
    await Deno.writeTextFile(others, "theirs");
    await call([...toTensorboard, "--output", exported]);
    assert.equal(await Deno.readTextFile(others), "theirs");
    assert.equal([...Deno.readDirSync(exported)].length, 2);

    // A process that has the run may write its own events.
    const mine = [...Deno.readDirSync(join(first, "tensorboard"))];
    {
      using _ = await RunLock.acquire(first);
      assert.match((await call(toTensorboard)).stderr, /first is in use by process \d+: wait/);
      assert.deepEqual([...Deno.readDirSync(join(first, "tensorboard"))], mine);
      assert.equal((await call([...toTensorboard, "--output", exported])).code, 0);
    }
    assert.equal((await call(toTensorboard)).code, 0);

    const unasked = await call(["runs", "delete", first]);
    assert.equal(unasked.code, 2);
    assert.match(unasked.stderr, /no terminal to ask at: give --yes/);
    assert.ok(Deno.statSync(first).isDirectory);
    assert.equal((await call(["runs", "delete", "--yes", first])).stdout, `deleted ${first}\n`);
    assert.throws(() => Deno.statSync(first), Deno.errors.NotFound);
    assert.equal((await call(["runs", "delete", "--yes", join(folder, "no-run")])).code, 1);
    assert.ok(Deno.statSync(join(folder, "no-run")).isDirectory);
  });
});

Deno.test("a name in the list is whole in a narrow terminal", async () => {
  await withFolder(async (folder) => {
    const name = "20261129-101112-a-name-that-is-long";
    await train(smallRun(join(folder, name), { steps: 1 }));
    const { stdout } = await temper(["runs", "list", folder], { env: { COLUMNS: "80" } });
    const rows = stdout.trimEnd().split("\n").slice(2);
    assert.ok(rows.length > 2 && rows.every((row) => row.length <= 80), stdout);
    const [width] = /^─+/.exec(stdout.split("\n")[1])!;
    assert.equal(rows.map((row) => row.slice(0, width.length).trimEnd()).join(""), name);
  });
});

Deno.test("a run that an error ended says why, until it is resumed", async () => {
  await withFolder(async (folder) => {
    const run = join(folder, "run");
    const script = join(folder, "reward.ts");
    const broken = join(folder, "broken");
    await Deno.writeTextFile(broken, "");
    await Deno.writeTextFile(
      script,
      `let times = 0;
      export default (samples) => {
        const bad = ++times === 3 && existsSync(${JSON.stringify(broken)});
        return samples.map(() => bad ? "much" : 1);
      };
      import { existsSync } from "node:fs";`,
    );
    const config = smallRun(run, { reward: [script], steps: 2 });
    await assert.rejects(train(config), {
      message: /stopped in step 2, with no step saved\)$/,
      run,
    });
    const { kind, message, step } = JSON.parse(await Deno.readTextFile(join(run, "failed.json")));
    assert.deepEqual([kind, step], ["UserError", 1]);
    assert.match(message, /reward.ts.* \(stopped in step 2, with no step saved\)$/);
    const shown = (await call(["runs", "show", run])).stdout;
    assert.match(shown, /^run +failed +ppo +1\/2 /m);
    assert.ok(shown.includes(`failed: ${message}\n`), shown);
    const [listed] = JSON.parse(
      (await call(["runs", "list", "--folder", folder, "--json"])).stdout,
    );
    assert.deepEqual([listed.status, listed.failure.message], ["failed", message]);

    // What is wrong with how it is resumed says nothing about the run.
    await assert.rejects(train({ ...config, model: "none" }, {}, { resume: true }));
    assert.ok(Deno.statSync(join(run, "failed.json")));
    await Deno.remove(broken);
    await train(config, {}, { resume: true });
    assert.throws(() => Deno.statSync(join(run, "failed.json")), Deno.errors.NotFound);
    assert.match((await call(["runs", "list", "--folder", folder])).stdout, /^run +finished/m);
  });
});
