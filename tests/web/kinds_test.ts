import assert from "node:assert/strict";
import { join } from "node:path";
import { registerRunKind, runKind } from "../../lib/runs/kinds/registry.ts";
import { comparePanels } from "../../web/islands/compare_panels.ts";
import { createApp } from "../../web/app.tsx";
import { readComparison } from "../../web/shared/comparison.ts";
import { RunsFolder } from "../../web/store/runs_folder.ts";
import { Site } from "../../web/store/site.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf } from "./browser.ts";
import { writePairRun, writeSampleRun, writeSftRun } from "../../scripts/sample_run.ts";
import { serveUi } from "../../web/server.ts";

/** The site of a folder as functions that fetch. */
function siteOf(folder: string) {
  const app = createApp(new Site(folder, new AbortController().signal), {
    host: "127.0.0.1",
    token: null,
  });
  const get = async (path: string, init: RequestInit = {}) =>
    await app.request(`http://127.0.0.1:8642${path}`, {
      ...init,
      headers: { host: "127.0.0.1:8642" },
    });
  return { get, text: async (path: string) => await (await get(path)).text() };
}

/** Registers a kind with one chart, and writes a run of it. */
function writeToyRun(folder: string): string {
  registerRunKind({
    ...runKind("ppo"),
    kind: "web-toy",
    title: "a toy",
    command: undefined,
    answerSettings: undefined,
    headline: [{ metric: "toy/fun", label: "fun", better: "higher" }],
    charts: [{
      id: "fun",
      title: "Fun over the steps",
      help: "Fun of a step.",
      unit: "lol",
      series: [{ metric: "toy/fun", label: "fun" }],
    }],
    stepTimes: ["time/toy"],
    changes: () => [{ label: "laughs", before: -1, after: 2, better: "higher" }],
  });
  const run = writeSampleRun(folder, "toy", { config: { kind: "web-toy" } });
  const rows = [1, 2, 3].map((step) => ({ step, "toy/fun": step * step, "time/toy": 3 }));
  const lines = rows.map((row) => JSON.stringify(row) + "\n").join("");
  Deno.writeTextFileSync(join(run, "metrics.jsonl"), lines);
  return run;
}

Deno.test("a run of supervised fine-tuning has its numbers, commands and summaries", async () => {
  await withTempDir(async (dir) => {
    const run = writeSftRun(dir, "a");
    const { get, text } = siteOf(dir);
    const page = await text("/runs/a");
    assert.match(page, /Loss, last step.*ROUGE-1.*0\.2500 → 0\.7500/);
    assert.match(page, /ROUGE-2.*ROUGE-L.*Loss<\/dt>.*2\.500 → 0\.250 /);
    assert.doesNotMatch(page, /Toxicity|Reward|Samples/);
    assert.doesNotMatch(page, /--resume/);
    const before = await text("/runs/a/comparison");
    assert.match(before, /2 prompts, 1 with a higher ROUGE-1 after training/);
    // Largest gain first.
    assert.ok(before.indexOf("D?") < before.indexOf("C?"));
    const file = await get("/runs/a/summaries.jsonl");
    assert.match(file.headers.get("content-disposition") ?? "", /"a-summaries\.jsonl"/);
    assert.match(await file.text(), /"reference":"one two"/);
    const settings = await text("/runs/a/settings");
    assert.match(settings, /epochs<\/code>.*Passes over/);

    Deno.removeSync(join(run, "summary.json"));
    Deno.writeTextFileSync(join(run, "metrics.jsonl"), '{"step":3,"epoch":0.3,"loss":1}\n');
    assert.match(await text("/runs/a"), /temper sft --resume \S*\/a</);
    const fail = (kind: string) =>
      Deno.writeTextFileSync(
        join(run, "failed.json"),
        JSON.stringify({ kind, message: "why", step: 3 }),
      );
    fail("UserError");
    assert.match(await text("/runs/a"), /temper sft --resume \S*\/a</);
    // It would diverge again.
    fail("TrainingDivergedError");
    assert.doesNotMatch(await text("/runs/a"), /--resume/);
    const series = await (await get("/api/runs/a/series")).json();
    assert.deepEqual(series.charts["sft-loss"].values, [[1], [null]]);
  });
});

Deno.test("adapters of supervised fine-tuning can be tried; whole models have a command", async () => {
  await withTempDir(async (dir) => {
    const run = writeSftRun(dir, "a");
    const { text } = siteOf(dir);
    assert.match(await text("/runs/a/try"), /no adapter yet/);
    Deno.mkdirSync(join(run, "model"));
    assert.match(await text("/runs/a/try"), /trained all weights/);
    assert.match(await text("/runs/a"), /temper generate --model \S*\/a\/model &lt; dialogue\.txt/);
    Deno.mkdirSync(join(run, "adapter"));
    Deno.writeTextFileSync(join(run, "adapter", "adapter_model.safetensors"), "");
    assert.match(await text("/runs/a/try"), /Summarize/);
    assert.match(await text("/runs/a/try"), /demo's model and classifier know only dialogues/);
    const config = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
    Deno.writeTextFileSync(join(run, "config.json"), JSON.stringify({ ...config, model: "./m" }));
    assert.doesNotMatch(await text("/runs/a/try"), /know only dialogues/);
    assert.match(await text("/runs/a"), /--adapter \S*\/a\/adapter &lt; dialogue\.txt/);
  });
});

Deno.test("what a run of a model that chats has trained is tried in a chat", async () => {
  await withTempDir(async (dir) => {
    const run = writeSftRun(dir, "a");
    const { text } = siteOf(dir);
    const config = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
    const write = (settings: object) =>
      Deno.writeTextFileSync(join(run, "config.json"), JSON.stringify({ ...config, ...settings }));
    write({ model: "demo/tiny-chat" });
    Deno.mkdirSync(join(run, "model"));
    const whole = /Chat with its model.*temper generate --chat --model \S*\/a\/model<\/pre>/;
    assert.match(await text("/runs/a"), whole);
    Deno.mkdirSync(join(run, "adapter"));
    Deno.writeTextFileSync(join(run, "adapter", "adapter_model.safetensors"), "");
    const adapter =
      /Chat with its adapter.*temper generate --chat --model demo\/tiny-chat --adapter \S*\/a\/adapter/;
    assert.match(await text("/runs/a"), new RegExp(`${adapter.source}</pre>`));
    assert.match(await text("/runs/a/try"), /TryChat/);
    // A template of the run's own makes any model one that chats.
    write({ chatTemplate: "own template.jinja" });
    assert.match(
      await text("/runs/a"),
      /--adapter \S*\/a\/adapter --chat-template 'own template\.jinja'<\/pre>/,
    );
    assert.match(await text("/runs/a/try"), /TryChat/);
  });
});

Deno.test("before and after: pairs of a reward model with their margins, answers without a score", async () => {
  await withTempDir(async (dir) => {
    writePairRun(dir, "judge", "reward");
    const run = writePairRun(dir, "dpo");
    const { get, text } = siteOf(dir);
    const pairs = await text("/runs/judge/comparison");
    assert.match(pairs, /2 pairs, 1 with the higher reward/);
    // What it gets wrong comes first.
    assert.match(pairs, /−0\.125 → −0\.250.*the rejected answer.*−0\.125 → 0\.500/);
    assert.match(pairs, /Chosen.*0\.000 → −0\.250.*Rejected.*0\.125 → 0\.000/);
    assert.equal((await get("/runs/judge/pairs.jsonl")).status, 200);
    const answers = await text("/runs/dpo/comparison");
    assert.match(answers, /1 prompt<.*the gym was <del>bad<\/del>.*<ins>fine<\/ins>/);
    assert.doesNotMatch(answers, /Difference|NaN|higher/);
    // With a reward there is a score, by its name.
    const csv = "query,response_before,response_after,reward_before,reward_after,reward_diff\r\n" +
      "a,b,c,1,2,1\r\n";
    Deno.writeTextFileSync(join(run, "comparison.csv"), csv);
    Deno.writeTextFileSync(join(run, "summary.json"), '{"rewards": {"judge.ts": 1}}');
    assert.match(await text("/runs/dpo/comparison"), /1 with a higher judge\.ts after training/);
  });
});

Deno.test("early runs of supervised fine-tuning have no kind in their settings", async () => {
  await withTempDir(async (dir) => {
    const run = writeSftRun(dir, "a");
    const config = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
    delete config.kind;
    Deno.writeTextFileSync(join(run, "config.json"), JSON.stringify(config));
    assert.match(await siteOf(dir).text("/runs/a"), /Loss, last step/);
  });
});

Deno.test("a run of an unknown kind is a row and a page that say so", async () => {
  await withTempDir(async (dir) => {
    for (const [name, kind] of [["a", "mystery"], ["b", 7]]) {
      writeSampleRun(dir, String(name), { config: { kind } });
    }
    const { get, text } = siteOf(dir);
    assert.match(await text("/"), /Unknown kind “mystery”/);
    for (const id of ["a", "b"]) {
      for (const page of ["", "/samples", "/comparison", "/settings", "/try"]) {
        assert.equal((await get(`/runs/${id}${page}`)).status, 200, page);
      }
    }
    assert.match(await text("/runs/a"), /does not know runs of kind “mystery”/);
    assert.match(await text("/runs/b"), /does not know runs of kind “7”/);
    assert.match(await text("/runs/a/settings"), /mystery/);
    assert.deepEqual(await (await get("/api/runs/a/series")).json(), {
      lastStep: 0,
      specs: [],
      further: [],
      charts: {},
    });
    assert.equal((await get("/compare?run=a&run=b")).status, 200);
    const ask = { method: "POST", body: JSON.stringify({ text: "hi" }) };
    assert.equal((await get("/api/runs/a/try", ask)).status, 409);
  });
});

Deno.test("numbers of a run are the same in a table of one kind and of several", async () => {
  await withTempDir(async (dir) => {
    writeSampleRun(dir, "a");
    const { get, text } = siteOf(dir);
    const alone = await text("/");
    assert.match(alone, />Reward<\/a>.*>KL \(nats\)<\/a>.*>Toxicity<\/a>/);
    assert.match(alone, /0\.3125 → 0\.0625/);
    assert.doesNotMatch(alone, /<select name="kind">/);
    writeSftRun(dir, "b");
    writeToyRun(dir);
    const mixed = await text("/");
    assert.match(mixed, />Last step<\/a>.*>Before → after<\/a>/);
    assert.match(mixed, /<select name="kind">/);
    for (const label of ["reward", "loss", "fun", "toxicity", "ROUGE-1", "laughs"]) {
      assert.match(mixed, new RegExp(`<span class="muted folder">${label}</span>`));
    }
    // A percentage of something negative would mislead.
    assert.match(mixed, /−1\.000 → 2\.000 <span[^>]*>\+3\.000</);
    const { rows, kinds } = await (await get("/api/runs?sort=metric")).json();
    assert.deepEqual(rows.map(({ id }: { id: string }) => id), ["toy", "b", "a"]);
    assert.deepEqual(kinds.map(({ kind }: { kind: string }) => kind), ["web-toy", "ppo", "sft"]);
    const toys = await (await get("/api/runs?kind=web-toy")).json();
    assert.deepEqual(toys.rows.map(({ curves }: { curves: number[][] }) => curves), [[[1, 4, 9]]]);
  });
});

Deno.test("runs of several kinds share the panels that they all have", () => {
  const charts = Object.fromEntries(["ppo", "sft"].map((name) => [name, runKind(name).charts]));
  const panels = comparePanels(charts);
  const kindsOf = (title: string) =>
    panels.filter((panel) => panel.title === title).map(({ lines }) => Object.keys(lines));
  assert.deepEqual(kindsOf("Learning rate"), [["ppo", "sft"]]);
  assert.deepEqual(kindsOf("Loss: training"), [["sft"]]);
  assert.deepEqual(kindsOf("Loss: policy"), [["ppo"]]);
  assert.deepEqual(kindsOf("Time of a step"), []);
  const [value] = panels.filter(({ title }) => title === "Loss: value");
  assert.deepEqual(value.lines, { ppo: { chart: "loss", index: 1 } });
});

Deno.test("readComparison scores summaries by ROUGE-1 where there are no rewards", async () => {
  await withTempDir((dir) => {
    const run = writeSftRun(dir, "a");
    Deno.writeTextFileSync(join(run, "summaries.jsonl"), '{"torn', { append: true });
    const folder = new RunsFolder(dir);
    const read = (run: string) => readComparison((file) => folder.readText(run, file));
    const comparison = read("a")!;
    assert.equal(comparison.score, "ROUGE-1");
    assert.deepEqual(
      comparison.rows.map(({ scoreBefore, scoreAfter }) => [scoreBefore, scoreAfter]),
      [[1, 2 / 3], [2 / 6, 1]],
    );
    assert.equal(read("none"), null);
  });
});

browserTest("a kind that only the server knows has its charts in the browser", async (browser) => {
  await withTempDir(async (dir) => {
    writeToyRun(dir);
    writeSftRun(dir, "sft");
    const server = serveUi({ runs: dir, host: "127.0.0.1", port: 0 });
    try {
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      await page.goto(`${server.address}runs/toy`);
      await page.waitForSelector('[data-last-step="3"]');
      const charts = page.locator(".chart");
      assert.equal(await charts.count(), 1);
      assert.match(await charts.innerText(), /Fun over the steps[^]*fun\s+9\.000\s+lol/);
      await page.goto(`${server.address}compare?run=toy&run=sft`);
      const panel = page.locator(".chart", { hasText: "Fun over the steps" });
      await panel.getByText("9.000").waitFor();
      // A run without this statistic has no line in its chart.
      assert.doesNotMatch(await panel.innerText(), /sft/);
      assert.equal(await panel.locator(".key-0").count(), 1);
      const loss = page.locator(".chart", { hasText: "Loss: training" });
      assert.equal(await loss.locator(".key-1").count(), 1);
      assert.deepEqual(complaints, []);
    } finally {
      await server.close();
    }
  });
});

Deno.test("while a run trains, its page shows what was measured before", async () => {
  const measurements = {
    ppo: ["toxicity_before.json", { mean: 0.3125, count: 16 }, /Toxicity before training.*0\.3125/],
    sft: ["measurement_before.json", { loss: 2.5 }, /Loss before training.*2\.5/],
  } as const;
  await withTempDir(async (dir) => {
    writeSampleRun(dir, "ppo", { step: 3, finished: false });
    writeSftRun(dir, "sft", { step: 3, finished: false });
    const { text: textOf } = siteOf(dir);
    for (const [run, [file, measurement, text]] of Object.entries(measurements)) {
      const page = () => textOf(`/runs/${run}`);
      assert.match(await page(), /Known at the end of the run/);
      Deno.writeTextFileSync(join(dir, run, file), JSON.stringify(measurement));
      assert.match(await page(), text);
      Deno.writeTextFileSync(join(dir, run, file), "[1");
      assert.match(await page(), /Known at the end of the run/);
    }
  });
});
