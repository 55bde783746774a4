/**
 * The proof of the seams: a model family (tests/models/bigram.ts) and an algorithm (reinforce.ts) that
 * no other file knows go through everything after a call each.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { registerModelFamily } from "../../lib/models/registry.ts";
import { readRows } from "../../lib/runs/folder/jsonl.ts";
import { registerRunKind } from "../../lib/runs/kinds/registry.ts";
import { run } from "../../lib/runs/loop/run.ts";
import { createApp } from "../../web/app.tsx";
import { Site } from "../../web/store/site.ts";
import { call, withFolder } from "../cli/temper.ts";
import { bigramFamily, writeBigram } from "../models/bigram.ts";
import { reinforce } from "./reinforce.ts";

registerModelFamily(bigramFamily);
registerRunKind(reinforce);

/** Files of a run that do not depend on time, as text or bytes. */
async function results(folder: string): Promise<Record<string, unknown>> {
  const read = (name: string) => Deno.readFile(join(folder, name));
  const rows = await readRows<Record<string, unknown>>(join(folder, "metrics.jsonl"));
  return {
    adapter: await read("adapter/adapter_model.safetensors"),
    optimizer: await read("checkpoint-12/optimizer.safetensors"),
    samples: await read("samples.jsonl"),
    metrics: rows.map(({ "time/unix": _, ...row }) => row),
  };
}

Deno.test("a new model and a new algorithm train, generate, resume bit for bit, are listed and shown", () =>
  withFolder(async (folder) => {
    const model = await writeBigram(join(folder, "models/bigram"));
    const runs = join(folder, "runs");
    const config = (name: string) =>
      reinforce.resolve({
        model,
        liked: 7,
        steps: 12,
        saveEvery: 4,
        keep: 9,
        output: join(runs, name),
        device: "wasm",
        threads: 1,
      });

    const { summary } = await run(reinforce, config("whole"));
    assert.ok(summary.liked.after > summary.liked.before + 0.2, JSON.stringify(summary));
    const stop = new AbortController();
    const hooks = { stepped: (step: number) => void (step === 6 && stop.abort()) };
    await assert.rejects(run(reinforce, config("cut"), hooks, { signal: stop.signal }), {
      name: "RunInterruptedError",
    });
    const listed = (await call(["runs", "list", "--folder", runs])).stdout;
    assert.match(listed, /^cut +stopped +reinforce +6\/12 +0\.\d+$/im);
    assert.match(listed, /^whole +finished +reinforce +12\/12 +0\.\d+ +liked 0\.\d+ → \d\.\d+$/im);

    const resumed = await call(["train", "--resume", join(runs, "cut")]);
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.deepEqual(await results(join(runs, "cut")), await results(join(runs, "whole")));

    const site = new Site(runs, new AbortController().signal);
    const app = createApp(site, { host: "127.0.0.1", token: null });
    const page = async (path: string) => {
      const request = { headers: { host: "127.0.0.1:8642" } };
      return await (await app.request(`http://127.0.0.1:8642${path}`, request)).text();
    };
    assert.match(await page("/"), /REINFORCE/);
    assert.match(await page("/runs/whole"), /Share of the liked token/);
    const { charts } = JSON.parse(await page("/api/runs/whole/series"));
    assert.equal(charts["reinforce-reward"].step.length, 12);
    assert.match(await page("/runs/whole/settings"), /liked/);
  }));
