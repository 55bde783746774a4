import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest } from "../web/browser.ts";
import type * as Temper from "../../browser.ts";
import { Site } from "./site.ts";
import { SMALL_PPO } from "./small_runs.ts";

const SMALL = { ...SMALL_PPO, steps: 1, evalSamples: 1, device: "wasm" };

/** Trains in a page. Returns its warnings, what else it told, and the error, if there was one. */
function attempt(
  page: Page,
  settings: Record<string, unknown>,
  { worker = "/temper-worker.js", scores = "", model = "" } = {},
): Promise<{ told: string[]; infos: string[]; error: string }> {
  return page.evaluate(async ([settings, worker, scores, model]) => {
    const temperWorker = await temper.TemperWorker.start({ worker });
    if (model !== "") {
      const text = new TextEncoder();
      await temperWorker.put("/models/mine", [
        ["config.json", text.encode(model)],
        ["model.safetensors", text.encode("not safetensors at all")],
      ]);
    }
    const [told, infos]: string[][] = [[], []];
    const rewards: Temper.TabOptions["rewards"] = scores === "" ? {} : {
      mine: {
        source: scores,
        score: (samples: unknown[]) => {
          if (scores === "throws") throw new Error("no such thing");
          return samples.map(() => NaN);
        },
      },
    };
    const { finished } = temperWorker.train("ppo", settings, {
      rewards,
      on: { warning: (text) => told.push(text), info: (text) => infos.push(text) },
    });
    const error = await finished.then(() => "", ({ name, message }) => `${name}: ${message}`);
    temperWorker.close();
    return { told, infos, error };
  }, [{ ...SMALL, ...settings }, worker, scores, model] as const);
}

browserTest("what goes wrong in a page is one sentence", async (browser) => {
  await using site = await Site.serve();
  const page = await browser.newPage();
  await site.show(page);

  assert.equal(
    (await attempt(page, { device: "webgpu" })).error,
    "UserError: there is no WebGPU adapter: this browser offers none here; update it and the " +
      "GPU's driver, or use `device` wasm",
  );
  assert.match(
    (await attempt(page, { reward: ["mine"] }, { scores: "throws" })).error,
    /^UserError: the reward mine\.js threw on a batch of 1 sample: no such thing/,
  );
  assert.match(
    (await attempt(page, { reward: ["mine"] }, { scores: "NaN" })).error,
    /^UserError: the reward mine\.js returned NaN for sample 0/,
  );
  const config = await Deno.readTextFile(
    new URL("../../demo/tiny-flan-t5/config.json", import.meta.url),
  );
  const broken = await attempt(page, { model: "/models/mine" }, { model: config });
  assert.match(broken.error, /^UserError: \/models\/mine/);
  assert.ok(!broken.error.includes("\n"));
  assert.match(
    (await attempt(page, { model: "/models/nothing" })).error,
    /^UserError: cannot read \/models\/nothing: it does not exist/,
  );
  assert.match(
    (await attempt(page, { steps: -1 })).error,
    /^UserError: .*steps.* -1/,
  );
  assert.match(
    (await attempt(page, { output: "../escape" })).error,
    /^UserError: `output` is "..\/escape", expected the name of a run/,
  );
  // Memory is estimated before the first step: what does not fit is not begun.
  const large = {
    batchSize: 512,
    miniBatchSize: 512,
    outputMinLength: 3000,
    outputMaxLength: 3001,
  };
  const tooLarge = await attempt(page, large);
  assert.match(
    tooLarge.error,
    /^OutOfMemoryError: training needs at least [\d.]+ GiB \(.*\), the device has 4\.00 GiB/,
  );
  assert.ok(!tooLarge.error.includes("\n"));
});

browserTest("without storage, a run ends with its tab, and says so", async (browser) => {
  await using site = await Site.serve();
  site.write("no-storage.js", "delete FileSystemFileHandle.prototype.createSyncAccessHandle;");
  site.write(
    "without.js",
    'import "./no-storage.js"; import { serveWorker } from "./temper.js"; serveWorker();',
  );
  const page = await browser.newPage();
  await site.show(page);
  const { told, infos, error } = await attempt(page, {}, { worker: "/without.js" });
  assert.equal(error, "");
  assert.ok(infos.some((text) => /^memory: /.test(text)), infos.join("\n"));
  assert.deepEqual(told, [
    "this browser keeps no files for this page: the run is lost when the tab is closed",
  ]);
});

browserTest("a worker that does not load is an error, not a wait", async (browser) => {
  await using site = await Site.serve();
  const page = await browser.newPage();
  await site.show(page);
  const error = await page.evaluate(() =>
    temper.TemperWorker.start({ worker: "/nothing.js" }).then(() => "", ({ message }) => message)
  );
  assert.equal(error, "the worker /nothing.js does not load");
});

browserTest(
  "a reward that never returns ends with its worker; the run goes on with another",
  async (browser) => {
    await using site = await Site.serve();
    const page = await browser.newPage();
    await site.show(page);
    const outcome = await page.evaluate(async (settings) => {
      const source = "lengths";
      const lengths = (samples: { response: string }[]) =>
        samples.map(({ response }) => response.length);
      let calls = 0;
      const hanging = (samples: { response: string }[]) =>
        ++calls < 3 ? lengths(samples) : new Promise<number[]>(() => {});
      const first = await temper.TemperWorker.start();
      const { promise, resolve } = Promise.withResolvers<void>();
      const run = first.train("ppo", settings, {
        rewards: { mine: { source, score: hanging } },
        on: { stepped: () => resolve() },
      });
      const ended = run.finished.catch(({ message }) => message);
      await promise;
      while (calls < 3) await new Promise((resolve) => setTimeout(resolve, 10));
      first.close();
      const second = await temper.TemperWorker.start();
      const rewards = { mine: { source, score: lengths } };
      const other = { mine: { source: "other", score: lengths } };
      const refused = await second.resume("hanging", {}, { rewards: other }).finished
        .catch(({ name, message }) => `${name}: ${message}`);
      const steps: number[] = [];
      const on = { stepped: ({ step }: { step: number }) => steps.push(step) };
      await second.resume("hanging", {}, { rewards, on }).finished;
      second.close();
      return { ended: await ended, refused, steps };
    }, { ...SMALL, steps: 3, saveEvery: 1, reward: ["mine"], output: "hanging" });
    assert.deepEqual(outcome, {
      ended: "the worker was closed",
      refused:
        "SourceChangedError: the reward ./rewards/mine.js has changed since the run started: put it " +
        "back as it was, or start a new run",
      steps: [2, 3],
    });
  },
);
