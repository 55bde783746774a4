import assert from "node:assert/strict";
import { join } from "node:path";
import { renderToString } from "preact-render-to-string";
import { h } from "preact";
import { createApp } from "../../web/app.tsx";
import { ChangeValue } from "../../web/components/parts.tsx";
import { RunsFolder } from "../../web/store/runs_folder.ts";
import { Site } from "../../web/store/site.ts";
import { withTempDir } from "../temp_dir.ts";
import { writeSampleRun } from "../../scripts/sample_run.ts";

Deno.test("a number that has not changed as it is shown is neither better nor worse", () => {
  const html = (before: number, after: number) =>
    renderToString(h(ChangeValue, { change: { label: "loss", before, after, better: "lower" } }));
  assert.doesNotMatch(html(0.25, 0.25), /better|worse/);
  assert.doesNotMatch(html(-0.5, -0.49999), /better|worse/);
  assert.match(html(0.25, 0.125), /better/);
  assert.match(html(0.125, 0.25), /worse/);
});

Deno.test("a run's start is that of its first session, also after it was resumed", async () => {
  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "a");
    const sessions = ["2023-08-31T17:45:02.000Z", "2023-09-02T10:00:00.000Z"]
      .map((started) => ({ started }));
    Deno.writeTextFileSync(join(run, "environment.json"), JSON.stringify(sessions));
    const overview = await new Site(dir, new AbortController().signal).overviews.of("a");
    assert.equal(overview!.started, Date.parse(sessions[0].started));
  });
});

Deno.test("a run is tried with a dialogue for its template, or with a whole prompt", async () => {
  await withTempDir((dir) => {
    const run = writeSampleRun(dir, "a");
    const site = new Site(dir, new AbortController().signal);
    const write = (name: string, text: string) => Deno.writeTextFileSync(join(run, name), text);
    Deno.removeSync(join(run, "comparison.csv"));
    write("answers.jsonl", '{"query":"Sum up: Hi! Summary:</s>","before":"a","after":"b"}\n');
    write("config.json", '{"kind":"ppo","prompt":"Sum up: {dialogue} Summary:"}');
    assert.deepEqual(site.example("a"), { isDialogue: true, text: "Hi!" });
    write("config.json", '{"kind":"dpo"}');
    assert.deepEqual(site.example("a"), { isDialogue: false, text: "Sum up: Hi! Summary:" });
    return Promise.resolve();
  });
});

Deno.test("the final adapter is offered first, then the best, then the latest checkpoint", async () => {
  await withTempDir((dir) => {
    const run = writeSampleRun(dir, "a");
    for (const [i, name] of ["adapter", "best", "checkpoint-2", "checkpoint-4"].entries()) {
      const path = join(run, name);
      Deno.mkdirSync(path);
      Deno.writeTextFileSync(join(path, "adapter_model.safetensors"), "");
      Deno.utimeSync(path, 100 + i, 100 + i);
    }
    const adapters = new RunsFolder(dir).adapters("a");
    assert.deepEqual(adapters, ["adapter", "best", "checkpoint-4", "checkpoint-2"]);
    return Promise.resolve();
  });
});

Deno.test("a comparison of one run offers the others; a wrong temperature is refused", async () => {
  await withTempDir(async (dir) => {
    for (const name of ["a", "b", "c"]) writeSampleRun(dir, name);
    const app = createApp(new Site(dir, new AbortController().signal), {
      host: "127.0.0.1",
      token: null,
    });
    const headers = { host: "127.0.0.1:8642" };
    const page = await app.request("http://127.0.0.1:8642/compare?run=b", { headers });
    const html = await page.text();
    assert.equal(page.status, 400);
    assert.match(html, /Compare b with.*run=b&amp;run=[ac]".*run=b&amp;run=[ac]"/);
    const answer = await app.request("http://127.0.0.1:8642/api/runs/a/try", {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ text: "Hi", temperature: 3 }),
    });
    assert.match((await answer.json()).reason, /temperature must be a number from 0 to 2/);
  });
});
