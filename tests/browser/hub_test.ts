import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { demoModelDir } from "../demo_model.ts";
import { filesOf, GRANTED, LARGE, StandInHub } from "../hub/stand_in_hub.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { Site } from "./site.ts";
import { SMALL_PPO } from "./small_runs.ts";

const SETTINGS = {
  ...SMALL_PPO,
  model: "org/tiny",
  dataset: "demo/dialogues",
  steps: 1,
  device: "wasm",
};

/** Loads a model of the Hub's and trains for a step. Returns what was told of the download. */
function trainFromHub(page: Page, hub: string, stopAt: number): Promise<number[]> {
  return page.evaluate(async ([hub, token, settings, stopAt]) => {
    const worker = await temper.TemperWorker.start({ hub, token });
    const loaded: number[] = [];
    await new Promise<void>((resolve, reject) => {
      worker.train("ppo", settings, {
        keep: false,
        on: {
          downloading: (progress) => {
            loaded.push(progress.loaded);
            if (progress.loaded >= stopAt) resolve();
          },
        },
      }).finished.then(() => resolve(), reject);
    });
    worker.close();
    return loaded;
  }, [hub, GRANTED, SETTINGS, stopAt] as const);
}

browserTest(
  "a model of the Hub's is kept, and its download goes on after a reload",
  async (browser) => {
    await using hub = new StandInHub();
    const files = filesOf(demoModelDir);
    hub.commit("models/org/tiny", files);
    const sizes = Object.values(files).map(({ length }) => length);
    const sum = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0);
    const total = sum(sizes);
    const weights = files["model.safetensors"].length;
    // A browser may make a request twice: each counts.
    hub.fault = ({ host }) => host === "cdn" ? "stalled" : null;
    await using site = await Site.serve();
    const page = await browser.newPage();
    await site.show(page);
    // Half of each large file arrives, all that can, and the page is reloaded.
    const half = sum(sizes.map((size) => size < LARGE ? size : Math.floor(size / 2)));
    await trainFromHub(page, hub.url, half);
    hub.fault = () => null;
    await site.show(page);
    const complaints = complaintsOf(page);
    const before = hub.requests.length;
    const loaded = await trainFromHub(page, hub.url, Infinity);
    assert.equal(loaded.at(-1), total);
    const ranges = hub.requests.slice(before).flatMap(({ host, headers }) =>
      host === "cdn" ? [headers.get("range")] : []
    );
    assert.ok(ranges.includes(`bytes=${Math.floor(weights / 2)}-`), JSON.stringify(ranges));
    // Again, nothing is downloaded.
    const known = hub.requests.length;
    assert.deepEqual(await trainFromHub(page, hub.url, Infinity), []);
    assert.ok(hub.requests.slice(known).every(({ path }) => path.startsWith("/api/models/")));
    assert.deepEqual(complaints, []);
  },
);
