import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { RunLock } from "../../lib/runs/folder/lock.ts";
import { serveUi } from "../../web/server.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf } from "./browser.ts";
import { metricsRow, writeSampleRun, writeWorkers } from "../../scripts/sample_run.ts";

/** Waits until the charts have all steps up to this one. */
function chartsAt(page: Page, step: number): Promise<unknown> {
  return page.waitForSelector(`[data-last-step="${step}"]`);
}

browserTest("charts follow a run, survive a restarted server and miss no step", async (browser) => {
  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "live", { step: 3, steps: 9, finished: false });
    const addStep = (step: number) => {
      const line = JSON.stringify(metricsRow(step)) + "\n";
      Deno.writeTextFileSync(join(run, "metrics.jsonl"), line, { append: true });
    };
    let server = serveUi({ runs: dir, host: "127.0.0.1", port: 0 });
    try {
      const { port } = new URL(server.address);
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      await page.goto(`${server.address}runs/live`);
      await chartsAt(page, 3);
      const canvas = page.locator(".plot canvas").first();
      const before = await canvas.screenshot();
      addStep(4);
      await chartsAt(page, 4);
      await page.getByText("4 / 9").waitFor();
      assert.notDeepEqual(await canvas.screenshot(), before, "the curve did not move");
      assert.deepEqual(complaints, []);

      await server.close();
      await page.getByText("Connection lost").waitFor();
      addStep(5);
      addStep(6);
      server = serveUi({ runs: dir, host: "127.0.0.1", port: Number(port) });
      await chartsAt(page, 6);
      await page.getByText("Connection lost").waitFor({ state: "hidden" });
      // The legend tells the value of a step from the time without a connection.
      const plot = page.getByRole("group", { name: /^Reward:/ });
      await plot.press("End");
      await plot.press("ArrowLeft");
      const chart = page.locator(".chart").first();
      await chart.getByText("step 5", { exact: true }).waitFor();
      const value = (metricsRow(5)["ppo/mean_scores"] as number).toPrecision(4);
      assert.match(await chart.innerText(), new RegExp(`mean reward\\s+${value}`));
    } finally {
      await server.close();
    }
  });
});

browserTest("a run's workers come, work and go on its page", async (browser) => {
  await withTempDir(async (dir) => {
    const run = writeSampleRun(dir, "live", { step: 3, steps: 9, finished: false });
    using lock = await RunLock.acquire(run);
    const server = serveUi({ runs: dir, host: "127.0.0.1", port: 0 });
    try {
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      await page.goto(`${server.address}runs/live`);
      await chartsAt(page, 3);
      const workers = page.getByRole("region", { name: "Workers" });
      assert.equal(await workers.count(), 0);
      writeWorkers(run, { workers: [] });
      await workers.getByText("No worker is there").waitFor();
      writeWorkers(run);
      await workers.getByText("gpu-server-0a1b2c").waitFor();
      const text = await workers.innerText();
      // Only workers that work count in the rate of now.
      assert.match(text, /Now\s+812 tokens\/s\s+Prompts\s+3 waiting, 5 in work/);
      assert.match(text, /8 responses\s+Staleness\s+1 step\s+Policy\s+0123456789ab, in step 5/);
      assert.match(text, /0a1b2c\s+Working\s+812\s+13 %\s+96\s+NVIDIA H200/);
      writeWorkers(run, { waiting: 1 });
      await workers.getByText("1 waiting").waitFor();
      // What a trainer that was killed has left is nobody's state.
      lock[Symbol.dispose]();
      await workers.waitFor({ state: "detached" });
      assert.deepEqual(complaints, []);
    } finally {
      await server.close();
    }
  });
});
