import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { serveUi } from "../../web/server.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf } from "./browser.ts";
import { metricsRow, writeSampleRun } from "./sample_run.ts";

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
