import assert from "node:assert/strict";
import { join } from "node:path";
import { RunLock } from "../../lib/runs/folder/lock.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import type { SamplesQuery } from "../../web/shared/samples.ts";
import { settingsOf, settingText } from "../../web/store/settings.ts";
import { dialogueOf } from "../../web/shared/dialogue.ts";
import { parseComparison } from "../../web/shared/comparison.ts";
import { Overviews } from "../../web/store/overviews.ts";
import { RunsFolder } from "../../web/store/runs_folder.ts";
import { SampleIndex } from "../../web/store/sample_index.ts";
import { withTempDir } from "../temp_dir.ts";
import {
  metricsRow,
  sampleRows,
  writeGroupRun,
  writeSampleRun,
  writeSftRun,
} from "../../scripts/sample_run.ts";

const ALL: SamplesQuery = {
  search: "",
  step: null,
  prompt: "",
  sort: "step",
  descending: true,
  page: 1,
};

Deno.test("samples of groups have advantages; a reward that did not apply is left out", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeSampleRun(dir, "a"), "samples.jsonl");
    const rewards = { exact: null, length: 0.5 };
    const row = { step: 1, query: "q", response: "r", reward: 0.5, rewards, advantage: -0.7 };
    Deno.writeTextFileSync(path, JSON.stringify(row) + "\n");
    const index = new SampleIndex(path);
    await index.update();
    const { sets: [[sample]] } = await index.find(ALL);
    assert.deepEqual([sample.advantage, sample.rewards], [-0.7, { length: 0.5 }]);
  });
});

Deno.test("the responses of a group are one set, found by any, sorted by its foremost", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeGroupRun(dir, "a", { step: 3 }), "samples.jsonl");
    const index = new SampleIndex(path);
    await index.update();
    const all = await index.find(ALL);
    assert.deepEqual([all.total, all.totalSets, all.pages], [24, 6, 2]);
    assert.deepEqual(all.sets.map(({ length }) => length), [4, 4, 4, 4, 4]);
    // The response that is searched for brings those it is compared with.
    const found = await index.find({ ...ALL, search: "step 2: 3 of 1" });
    assert.deepEqual([found.total, found.totalSets], [4, 1]);
    assert.deepEqual(
      found.sets[0].map(({ response }) => response.slice(-6)),
      [
        ..."0123",
      ].map((row) => `${row} of 1`),
    );
    const sorted = async (descending: boolean) =>
      (await index.find({ ...ALL, sort: "reward", descending })).sets
        .map((set) => set.map(({ reward }) => reward));
    assert.deepEqual((await sorted(true))[0], [0, NaN, 2, 3], "the group with the best response");
    assert.deepEqual((await sorted(false))[0], [0, NaN, 2, 3], "the same has the worst");
    const { prompt } = found.sets[0][0];
    assert.deepEqual(index.countsOf([prompt]), { [prompt]: 3 });
    assert.deepEqual((await index.history(prompt, 9)).map(({ length }) => length), [4, 4]);
    assert.equal((await index.history(prompt, 1)).length, 1, "a set is not cut");
  });
});

Deno.test("SampleIndex finds, sorts and pages samples, and drops repeated steps", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeSampleRun(dir, "a", { step: 30 }), "samples.jsonl");
    const index = new SampleIndex(path);
    await index.update();
    const all = await index.find(ALL);
    assert.deepEqual([all.total, all.pages, all.sets.length], [60, 3, 20]);
    assert.deepEqual(all.steps, { first: 1, last: 30 });
    assert.equal(all.sets[0][0].step, 30);
    const best = await index.find({ ...ALL, sort: "reward" });
    assert.equal(best.sets[0][0].reward, 3);
    const one = await index.find({ ...ALL, step: 7, search: "MOVIE" });
    assert.deepEqual(one.sets.flat().map(({ reward }) => reward), [0.7 - 1]);
    const { prompt } = one.sets[0][0];
    assert.deepEqual(index.countsOf([prompt, "none"]), { [prompt]: 30, none: 0 });
    const history = await index.history(prompt, 5);
    assert.deepEqual(history.map(([{ step }]) => step), [26, 27, 28, 29, 30]);

    const again = sampleRows(11).map((row) => ({
      ...row,
      tokens: ["hi", " <b>"],
      logRatios: [1, -0.5],
    }));
    const lines = again.map((row) => JSON.stringify(row) + "\n").join("");
    Deno.writeTextFileSync(path, lines, { append: true });
    await index.update();
    const cut = await index.find(ALL);
    assert.deepEqual([cut.total, cut.sets[0][0].step], [22, 11]);
    assert.deepEqual(cut.sets[0][0].tokens, [
      { text: "hi", logRatio: 1 },
      { text: " <b>", logRatio: -0.5 },
    ]);
  });
});

Deno.test("Overviews tell what a run is doing", async () => {
  await withTempDir(async (dir) => {
    writeSampleRun(dir, "finished");
    writeSampleRun(dir, "running", { step: 4, finished: false, config: { name: "mine" } });
    const stopped = writeSampleRun(dir, "stopped", { step: 4, finished: false });
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const name of ["config.json", "metrics.jsonl"]) {
      Deno.utimeSync(join(stopped, name), longAgo, longAgo);
    }
    Deno.mkdirSync(join(dir, "empty"));
    const overviews = new Overviews(new RunsFolder(dir));
    const all = await overviews.all();
    assert.deepEqual(
      all.map(({ id, state, secondsLeft }) => [id, state, secondsLeft]).sort(),
      [["finished", "finished", null], ["running", "running", 12], ["stopped", "stopped", null]],
    );
    const running = (await overviews.of("running"))!;
    assert.deepEqual([running.name, running.step, running.steps], ["mine", 4, 10]);
    const { changes, headline, kindTitle } = (await overviews.of("finished"))!;
    assert.deepEqual(
      changes.map(({ label, before, after }) => [label, before, after]),
      [["toxicity", 0.3125, 0.0625], ["reward", 1.6, 3.6]],
    );
    assert.deepEqual(headline, [
      { label: "reward", unit: "", value: metricsRow(10)["ppo/mean_scores"] },
      { label: "KL", unit: "nats", value: metricsRow(10)["objective/kl"] },
    ]);
    assert.equal(kindTitle, "PPO");
    assert.deepEqual(running.changes, []);
    assert.equal(await overviews.of("empty"), null);
    Deno.removeSync(join(dir, "running"), { recursive: true });
    assert.equal((await overviews.all()).length, 2);
  });
});

Deno.test("Overviews know by its lock whether a run is in use, else how it ended", async () => {
  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "a", { step: 4, finished: false });
    const session = [{ device: { description: "two threads" } }];
    Deno.writeTextFileSync(join(run, "environment.json"), JSON.stringify(session));
    const overviews = new Overviews(new RunsFolder(dir));
    const state = async () => (await overviews.of("a"))?.state;
    assert.equal(await state(), "stopped");
    assert.equal((await overviews.of("a"))?.device, "two threads");
    {
      using _ = await RunLock.acquire(run);
      assert.equal(await state(), "running");
    }
    assert.equal(await state(), "stopped");
    const message = "the reward is not finite (stopped in step 5)";
    Deno.writeTextFileSync(join(run, "failed.json"), JSON.stringify({ message, step: 4 }));
    {
      using _ = await RunLock.acquire(run);
      assert.equal(await state(), "running");
    }
    assert.equal(await state(), "failed");
    assert.equal((await overviews.of("a"))?.failure, message);
  });
});

Deno.test("Overviews see what changes in a run that had been at rest for long", async () => {
  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "a", { step: 4, finished: false });
    Deno.writeTextFileSync(join(run, "environment.json"), "[{}]");
    const rest = () => Deno.utimeSync(run, 1000, 1000);
    const overviews = new Overviews(new RunsFolder(dir));
    const look = async () => {
      const { state, step, name } = (await overviews.of("a"))!;
      return [state, step, name];
    };
    rest();
    for (const _ of "12") assert.deepEqual(await look(), ["stopped", 4, "a"]);
    Deno.writeTextFileSync(join(run, "metrics.jsonl"), '{"step":5}\n', { append: true });
    for (const _ of "12") assert.deepEqual(await look(), ["stopped", 5, "a"]);
    {
      using _ = await RunLock.acquire(run);
      for (const _ of "12") assert.deepEqual(await look(), ["running", 5, "a"]);
    }
    assert.deepEqual(await look(), ["stopped", 5, "a"]);
    rest();
    await look();
    Deno.writeTextFileSync(join(run, "new.json"), '{"steps":10,"name":"b"}');
    Deno.renameSync(join(run, "new.json"), join(run, "config.json"));
    assert.deepEqual(await look(), ["stopped", 5, "b"]);
    Deno.removeSync(run, { recursive: true });
    assert.equal(await overviews.of("a"), null);
  });
});

Deno.test("Overviews count the steps of a run in whole epochs as soon as there is a row", async () => {
  await withTempDir(async (dir) => {
    writeSftRun(dir, "early", { step: 0, finished: false });
    writeSftRun(dir, "late", { step: 3, finished: false });
    writeSftRun(dir, "done");
    const overviews = new Overviews(new RunsFolder(dir));
    const steps = async (run: string) => (await overviews.of(run))!.steps;
    assert.deepEqual([await steps("early"), await steps("late"), await steps("done")], [
      null,
      10,
      10,
    ]);
    assert.equal((await overviews.of("late"))!.secondsLeft, 3.5);
    assert.equal((await overviews.of("done"))!.state, "finished");
  });
});

Deno.test("RunsFolder lists what a run saved of its policy", async () => {
  await withTempDir((dir) => {
    const run = writeSampleRun(dir, "a");
    for (const name of ["checkpoint-5", "checkpoint-10", "adapter", "checkpoint-5.tmp"]) {
      Deno.mkdirSync(join(run, name));
      Deno.utimeSync(join(run, name), 1000, 1000);
    }
    const names = new RunsFolder(dir).checkpoints("a").map(({ name }) => name);
    assert.deepEqual(names, ["adapter", "checkpoint-5", "checkpoint-10"]);
    assert.deepEqual(new RunsFolder(dir).checkpoints("none"), []);
  });
});

Deno.test("settingsOf marks what differs from the defaults", () => {
  const settings = settingsOf(
    { seed: 7, targetModules: ["q", "v"], adapter: null, old: { a: 1 } },
    runKind("ppo"),
  );
  const byName = Object.fromEntries(settings.map((setting) => [setting.name, setting]));
  assert.deepEqual([byName.seed.value, byName.seed.default, byName.seed.changed], ["7", "0", true]);
  assert.deepEqual([byName.targetModules.value, byName.targetModules.changed], ["q, v", true]);
  assert.deepEqual([byName.adapter.value, byName.adapter.changed], ["none", false]);
  assert.equal(byName.old.value, '{"a":1}');
  assert.match(byName.seed.description, /^Random seed/);
  const unknown = settingsOf({ seed: 7 }, null);
  assert.deepEqual(unknown.map(({ name, value, changed }) => [name, value, changed]), [
    ["seed", "7", false],
  ]);
  assert.equal(settingText("a\nb"), '"a\\nb"');
});

Deno.test("parseComparison takes what is there; dialogueOf leaves the template out", () => {
  const csv = "query,response_before,response_after,reward_before,reward_after,reward_diff\r\n" +
    '"a\n""b""",x,y,1,2,1\r\n';
  const [row] = parseComparison(csv);
  assert.deepEqual([row.query, row.before, row.difference], ['a\n"b"', "x", 1]);
  assert.deepEqual([row.scoreBefore, row.scoreAfter, row.reference], [1, 2, null]);
  assert.deepEqual(parseComparison(null), []);
  assert.deepEqual(parseComparison('"torn'), []);
  const template = "\nSummarize the following.\n\n{dialogue}\n\nSummary:\n";
  assert.equal(dialogueOf("Summarize the following. Hi! Summary:</s>", template), "Hi!");
  assert.equal(dialogueOf("Hi!", "{dialogue}"), "Hi!");
});
