import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest } from "../web/browser.ts";
import { ended, host, train } from "./playground.ts";
import { Site } from "./site.ts";
import { SMALL_PPO } from "./small_runs.ts";

/** Hides the page, or shows it again: a browser without windows hides none. */
function setHidden(page: Page, hidden: boolean): Promise<void> {
  return page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

browserTest("a run waits while its page is hidden, where that was asked for", async (browser) => {
  await using site = await Site.serve();
  const page = await browser.newPage();
  await site.show(page);
  await setHidden(page, true);
  /** Trains in the hidden page, and calls the run's methods and shows the page, as told. */
  const eventsOf = (pauseWhenHidden: boolean, whenPaused: readonly ("pause" | "show" | "goOn")[]) =>
    page.evaluate(async ([settings, pauseWhenHidden, whenPaused]) => {
      const setHidden = (hidden: boolean) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      };
      setHidden(true);
      const worker = await temper.TemperWorker.start();
      const events: string[] = [];
      const run = worker.train("ppo", settings, {
        keep: false,
        pauseWhenHidden,
        on: {
          stepped: ({ step }) => void events.push(`step ${step}`),
          wentOn: ({ step }) => void events.push(`went on after ${step}`),
          paused: async ({ step }) => {
            events.push(`paused after ${step}`);
            for (const what of whenPaused) {
              // Long enough for a step.
              await new Promise((resolve) => setTimeout(resolve, 500));
              events.push(what);
              if (what === "show") setHidden(false);
              else run[what]();
            }
          },
        },
      });
      await run.finished;
      worker.close();
      return events;
    }, [SMALL_PPO, pauseWhenHidden, whenPaused] as const);
  assert.deepEqual(await eventsOf(false, []), ["step 1", "step 2"]);
  assert.deepEqual(await eventsOf(true, ["show"]), [
    "paused after 0",
    "show",
    "went on after 0",
    "step 1",
    "step 2",
  ]);
  // The user's own pause outlasts the page's being hidden.
  assert.deepEqual(await eventsOf(true, ["pause", "show", "goOn"]), [
    "paused after 0",
    "pause",
    "show",
    "goOn",
    "went on after 0",
    "step 1",
    "step 2",
  ]);
});

browserTest("the page says that a run waits for it, and that it went on", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.goto(site.address);
  await page.getByLabel("Pause while this page is hidden").check();
  await train(page, { ...SMALL_PPO, steps: 500, output: "waits" });
  const status = page.locator(".playground-run [role=status]").first();
  await status.filter({ hasText: /^Training$/ }).waitFor();
  await setHidden(page, true);
  await status.filter({ hasText: /^Paused$/ }).waitFor();
  await setHidden(page, false);
  await status.filter({ hasText: /^Training$/ }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await status.filter({ hasText: /^Paused$/ }).waitFor();
  await setHidden(page, true);
  await setHidden(page, false);
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await status.filter({ hasText: /^Training$/ }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  assert.equal(await ended(page), "");
});
