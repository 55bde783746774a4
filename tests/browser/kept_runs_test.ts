import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { listRuns } from "../../lib/runs/commands/history.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import { run } from "../../lib/runs/loop/run.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { Site } from "./site.ts";
import { SMALL_PPO } from "./small_runs.ts";
import { unzip } from "./unzip.ts";

const SETTINGS = {
  ...SMALL_PPO,
  steps: 6,
  saveEvery: 1,
  shuffleMinibatches: true,
  policyDropout: true,
  device: "wasm",
  output: "kept",
};

/** Starts a run in the page, which goes on after this. Resolves when a step is done. */
async function startUntil(page: Page, step: number): Promise<void> {
  await page.evaluate(async ([settings, last]) => {
    const worker = await temper.TemperWorker.start();
    await new Promise<void>((resolve, reject) => {
      const training = worker.train("ppo", settings, {
        on: {
          stepped: ({ step }) => {
            if (step < last) return;
            training.pause();
            resolve();
          },
        },
      });
      training.finished.catch(reject);
    });
  }, [SETTINGS, step] as const);
}

/** Lists the runs that are kept. */
function runsOf(page: Page) {
  return page.evaluate(async () => {
    const worker = await temper.TemperWorker.start();
    const runs = await worker.runs();
    worker.close();
    return runs.map(({ name, kind, status, step, steps }) => ({ name, kind, status, step, steps }));
  });
}

browserTest(
  "a run outlives its tab, ends bit for bit, and is one of `temper runs`",
  async (browser) => {
    await using site = await Site.serve();
    const page = await browser.newPage({ acceptDownloads: true });
    const complaints = complaintsOf(page);
    await site.show(page);
    await startUntil(page, 3);

    // A second tab sees the run, and may not have it.
    const second = await page.context().newPage();
    await site.show(second);
    assert.deepEqual((await runsOf(second)).map(({ status }) => status), ["running"]);
    const refused = await second.evaluate(async () => {
      const worker = await temper.TemperWorker.start();
      const refusal = await worker.resume("kept").finished.then(() => "", ({ message }) => message);
      worker.close();
      return refusal;
    });
    assert.equal(
      refused,
      "the run kept is in use by another tab: wait until it is done there, or close that tab",
    );
    await second.close();

    // The tab is reloaded in the middle of the run.
    await site.show(page);
    assert.deepEqual(await runsOf(page), [
      { name: "kept", kind: "ppo", status: "stopped", step: 3, steps: 6 },
    ]);
    const events = await page.evaluate(async () => {
      const worker = await temper.TemperWorker.start();
      const events: string[] = [];
      const training = worker.resume("kept", {}, {
        on: {
          resumed: ({ step }) => events.push(`resumed after ${step}`),
          stepped: ({ step }) => events.push(`step ${step}`),
        },
      });
      await training.finished;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await worker.zip("/runs/kept"));
      link.download = "kept.zip";
      link.id = "zip";
      link.textContent = "zip";
      document.body.append(link);
      worker.close();
      return events;
    });
    assert.deepEqual(events, ["resumed after 3", "step 4", "step 5", "step 6"]);
    assert.deepEqual(complaints, []);

    // A run that is refused leaves nothing, and takes nothing away.
    await page.evaluate(async () => {
      const worker = await temper.TemperWorker.start();
      const wrong = { noSuchSetting: 1 };
      for (const [output, keep] of [["refused", true], ["kept", false]] as const) {
        await worker.train("ppo", { ...wrong, output }, { keep }).finished.catch(() => {});
      }
      worker.close();
    });
    assert.deepEqual(await runsOf(page), [
      { name: "kept", kind: "ppo", status: "finished", step: 6, steps: 6 },
    ]);

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("#zip").click(),
    ]);
    await withTempDir(async (folder) => {
      unzip(await Deno.readFile(await download.path()), folder);
      const [listed] = await listRuns(folder);
      assert.ok("kind" in listed);
      assert.deepEqual([listed.name, listed.status, listed.kind.kind], ["kept", "finished", "ppo"]);
      const kindOfRun = runKind("ppo");
      const whole = join(folder, "whole");
      await run(kindOfRun, kindOfRun.resolve({ ...SETTINGS, output: whole }));
      for (const file of ["adapter/adapter_model.safetensors", "adapter/value_head.safetensors"]) {
        const [found, expected] = [join(folder, "kept"), whole].map((path) =>
          Deno.readFileSync(join(path, file))
        );
        assert.deepEqual(found, expected, file);
      }
      const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
      assert.deepEqual(names(join(folder, "kept")), names(whole));
    });
  },
);
