import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { seriousViolations } from "../web/axe.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { ended, host } from "./playground.ts";
import { SMALL_PPO } from "./small_runs.ts";

/** Label of the element that has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLInputElement;
    return element.ariaLabel ?? (element.labels?.[0] ?? element).textContent!.trim();
  });
}

/** Presses a key until an element has the focus. */
async function reach(page: Page, label: RegExp, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  while (!label.test(passed.at(-1) ?? "")) {
    assert.ok(passed.length < 60, `${label} is not reached, after ${passed.join(", ")}`);
    await page.keyboard.press(key);
    passed.push(await focused(page));
  }
}

browserTest(
  "a run from the form to its download and its end, with the keyboard alone",
  async (browser) => {
    await using site = await host();
    const page = await browser.newPage({
      viewport: { width: 390, height: 800 },
      acceptDownloads: true,
    });
    const complaints = complaintsOf(page);
    await page.goto(site.address);
    await page.getByText("of the CPU").first().waitFor();
    await reach(page, /^Reward/);
    await page.keyboard.type("My own J");
    await reach(page, /^Reward in JavaScript/);
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(
      "export default (samples) => samples.map(({ response }) => response.length);",
    );
    await reach(page, /^Device/);
    await page.keyboard.type("CPU");
    await reach(page, /^Further settings/);
    await page.keyboard.press("Enter");
    await reach(page, /^JSON, /);
    await page.keyboard.type(JSON.stringify({ ...SMALL_PPO, output: "typed" }));
    assert.deepEqual(await seriousViolations(page), []);
    await reach(page, /^Train$/);
    await page.keyboard.press("Enter");
    assert.equal(await ended(page), "");

    await reach(page, /^Download the adapter/);
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.keyboard.press("Enter"),
    ]);
    assert.equal(file.suggestedFilename(), "typed-adapter.zip");
    await reach(page, /^Text$/);
    await page.keyboard.press("Control+Enter");
    await page.getByRole("heading", { name: "After training" }).waitFor();
    await reach(page, /^Remove typed$/);
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "Remove for good: typed");
    assert.deepEqual(await seriousViolations(page), []);
    await page.keyboard.press("Enter");
    await page.getByText("Runs kept in this browser").waitFor({ state: "detached" });
    // The run that is gone is not shown any longer.
    assert.equal(await page.locator(".playground-run").count(), 0);
    assert.deepEqual(complaints, []);
  },
);
