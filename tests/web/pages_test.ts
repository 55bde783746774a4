import assert from "node:assert/strict";
import { join } from "node:path";
import { RunLock } from "../../lib/runs/folder/lock.ts";
import { serveUi } from "../../web/server.ts";
import { withTempDir } from "../temp_dir.ts";
import { seriousViolations } from "./axe.ts";
import { browserTest, complaintsOf } from "./browser.ts";
import {
  writeGroupRun,
  writePairRun,
  writeSampleRun,
  writeSftRun,
  writeWorkers,
} from "../../scripts/sample_run.ts";

/** A run with a name as long as any, that failed. */
const FAILED = "a-run-with-a-name-that-is-" + "much-longer-than-".repeat(4) + "it-need-be";

/** Every page. */
const PAGES = [
  "/",
  "/?search=nothing",
  "/runs/first",
  "/runs/second",
  "/runs/fleet",
  `/runs/${FAILED}`,
  "/runs/taught",
  "/runs/taught/comparison",
  "/runs/taught/settings",
  "/runs/stranger",
  "/runs/stranger/settings",
  "/runs/first/samples",
  "/runs/groups/samples",
  "/runs/pairs/samples",
  "/runs/pairs/comparison",
  "/runs/judge/comparison",
  "/runs/first/comparison",
  "/runs/first/settings",
  "/runs/first/try",
  "/runs/second/try",
  "/compare?run=first&run=second",
  "/compare?run=first&run=taught&run=stranger",
];

const WIDTHS = [360, 1280, 2560];

/** Finds links, fields and values that reach out of the part of the page that they are in. */
const HIDDEN = `[...document.querySelectorAll(".tabs a, td, td > *, .facts dd")].filter((part) => {
  const area = part.closest(".table-scroll, .tabs, .facts > div");
  return part.getBoundingClientRect().right > area.getBoundingClientRect().right + 1;
}).map((part) => part.outerHTML.slice(0, 80))`;

/** Finds buttons of charts whose words are broken. */
const BROKEN = `[...document.querySelectorAll(".downloads button")].filter((button) => {
  const text = document.createRange();
  text.selectNodeContents(button);
  return text.getClientRects().length > 1;
}).map((button) => button.ariaLabel)`;

/** A folder of nine runs, served. */
async function withSite(body: (address: string, dir: string) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const adapter = join(writeSampleRun(dir, "first", { config: { seed: 7 } }), "adapter");
    Deno.mkdirSync(adapter);
    Deno.writeTextFileSync(join(adapter, "adapter_model.safetensors"), "");
    // Runs are listed newest first: their times must differ by more than the clock's grain.
    const started = new Date(Date.now() - 60_000);
    writeSampleRun(dir, "second", { step: 4, finished: false, started });
    const failure = "reward.ts returned NaN for sample 0; every score must be a finite number " +
      `(stopped in step 4; go on with: temper train --resume runs/${FAILED})`;
    const earlier = new Date(Date.now() - 120_000);
    writeSampleRun(dir, FAILED, { step: 3, finished: false, failure, started: earlier });
    const first = new Date(Date.now() - 180_000);
    writeSftRun(dir, "taught", { started: first });
    const before = new Date(Date.now() - 240_000);
    writeSampleRun(dir, "stranger", { config: { kind: "toy" }, started: before });
    writeGroupRun(dir, "groups");
    writePairRun(dir, "pairs");
    writePairRun(dir, "judge", "reward");
    const oldest = new Date(Date.now() - 300_000);
    const fleet = writeSampleRun(dir, "fleet", { step: 4, finished: false, started: oldest });
    writeWorkers(fleet);
    using _ = await RunLock.acquire(fleet);
    const server = serveUi({ runs: dir, host: "127.0.0.1", port: 0 });
    try {
      await body(server.address.replace(/\/$/, ""), dir);
    } finally {
      await server.close();
    }
  });
}

browserTest("every page, at three widths, light and dark", async (browser, test) => {
  await withSite(async (address) => {
    for (const width of WIDTHS) {
      const colorScheme = width === 1280 ? "dark" : "light";
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const complaints = complaintsOf(page);
      for (const path of PAGES) {
        await test.step(`${path} at ${width} px, ${colorScheme}`, async () => {
          const response = await page.goto(address + path);
          assert.equal(response?.status(), 200);
          await page.waitForFunction(() =>
            document.querySelector("[data-island]:not([data-hydrated])") === null
          );
          // Nothing has to be scrolled to sideways to be seen.
          const hidden = await page.evaluate(HIDDEN);
          assert.deepEqual(hidden, []);
          assert.deepEqual(await page.evaluate(BROKEN), []);
          const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          assert.ok(Number(wider) <= 0, `the page is ${wider} px too wide`);
          assert.deepEqual(complaints, []);
          // Beyond this width the layout stays the same, and so does the result of axe.
          if (width < 2560) assert.deepEqual(await seriousViolations(page), []);
        });
      }
      await page.close();
    }
  });
});

browserTest("what a model said is text", async (browser) => {
  await withSite(async (address) => {
    const page = await browser.newPage();
    await page.goto(`${address}/runs/first/samples?step=2`);
    await page.getByText("<b onclick=alert(1)>not bold</b>").first().waitFor();
    assert.equal(await page.locator("main b").count(), 0);
    await page.goto(`${address}/runs/first/comparison`);
    assert.equal(await page.locator("ins", { hasText: "<i>fine</i>" }).count(), 1);
    assert.equal(await page.locator("main i").count(), 0);
  });
});

browserTest("samples: search, sort, and one prompt over the steps", async (browser) => {
  await withSite(async (address) => {
    const page = await browser.newPage();
    await page.goto(`${address}/runs/first/samples`);
    assert.match(await page.locator(".count").innerText(), /^20 samples$/);
    await page.getByLabel("Text").fill("THE GYM");
    await page.getByLabel("Sort by").selectOption("reward");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("10 samples").waitFor();
    assert.match(await page.locator(".sample").first().innerText(), /Step 10: .* the gym/);
    await page.getByText("This prompt over the steps").first().click();
    const slider = page.getByRole("slider", { name: "Step" });
    await page.getByText("Step 10: #Person1# asks").waitFor();
    await slider.press("Home");
    await page.getByText("Step 1: #Person1# asks").waitFor();
    await slider.press("ArrowRight");
    await page.getByText("Step 2: #Person1# asks").waitFor();
  });
});

browserTest("samples: a group's responses, and a pair's answers, side by side", async (browser) => {
  await withSite(async (address) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${address}/runs/groups/samples?step=2`);
    assert.match(await page.locator(".count").innerText(), /^8 samples in 2 groups$/);
    const [flat, spread] = await page.locator(".sample.set").all();
    assert.match(await flat.innerText(), /mean reward\s+1\.000\s+std\s+0\.000[^]*no spread/);
    assert.doesNotMatch(await spread.innerText(), /no spread/);
    const responses = await spread.locator(".columns > *").allInnerTexts();
    // The best first; one that no reward has judged comes last.
    assert.match(responses[0], /reward\s+3\.000[^]*advantage\s+\+1\.500[^]*Step 2: 3 of 1/);
    assert.match(responses[3], /reward\s+none[^]*Step 2: 1 of 1/);
    const tops = await page.locator(".set .columns > *").evaluateAll((parts: Element[]) =>
      parts.map((part) => part.getBoundingClientRect().top)
    );
    assert.equal(new Set(tops.slice(0, 4)).size, 1, "a group's responses are in one row");
    await spread.getByText("This prompt over the steps").click();
    await page.getByRole("slider", { name: "Step" }).press("Home");
    await page.getByText("Step 1: 3 of 1").waitFor();
    assert.equal(await page.locator(".columns > *").count(), 4);

    await page.goto(`${address}/runs/pairs/samples?step=1`);
    assert.match(await page.locator(".count").innerText(), /^4 samples in 2 pairs$/);
    const [right, wrong] = await page.locator(".sample.set").allInnerTexts();
    assert.match(
      right,
      /margin\s+\+0\.500[^]*Chosen\s+reward\s+0\.250[^]*Rejected\s+reward\s+−0\.250/,
    );
    assert.match(wrong, /margin\s+−0\.500[^]*the rejected answer has the higher reward/);
    assert.deepEqual(await page.locator("ins").allInnerTexts(), ["fine", "fine"]);
    assert.deepEqual(await page.locator("del").first().innerText(), "pathetic trash");
    await page.setViewportSize({ width: 390, height: 900 });
    const [chosen, rejected] = await page.locator(".pair").first().locator("section").all();
    const [above, below] = [(await chosen.boundingBox())!, (await rejected.boundingBox())!];
    assert.ok(below.y >= above.y + above.height, "on a phone they are stacked");
  });
});

browserTest("charts: zoom by mouse and keyboard, smoothing, axis", async (browser) => {
  await withSite(async (address) => {
    const page = await browser.newPage();
    await page.goto(`${address}/runs/first`);
    await page.waitForSelector('[data-last-step="10"]');
    const over = (await page.locator(".u-over").first().boundingBox())!;
    const y = over.y + over.height / 2;
    await page.mouse.move(over.x + over.width * 0.35, y);
    await page.mouse.down();
    await page.mouse.move(over.x + over.width * 0.65, y, { steps: 5 });
    // All charts tell the values at the same step.
    const places = await page.locator(".place").allInnerTexts();
    assert.deepEqual(new Set(places).size, 1);
    await page.mouse.up();
    await page.getByRole("button", { name: /Show all steps \(now \d+ to \d+\)/ }).click();
    const plot = page.getByRole("group", { name: /^Reward:/ });
    await plot.press("Home");
    await plot.press("+");
    await page.getByRole("button", { name: /now 1 to/ }).waitFor();
    await plot.press("0");
    await page.getByRole("button", { name: /Show all/ }).waitFor({ state: "detached" });
    await page.getByLabel("Axis").selectOption("time");
    await plot.press("End");
    await page.getByText("20s").first().waitFor();
    await page.getByLabel("Smoothing").press("End");
    await page.getByText("0.99").waitFor();
  });
});

browserTest("runs: sort, filter, select two and compare", async (browser) => {
  await withSite(async (address, dir) => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.getByRole("link", { name: "Run", exact: true }).click();
    const names = await page.locator("tbody th a").allInnerTexts();
    const others = ["fleet", "groups", "judge", "pairs", "second", "stranger", "taught"];
    assert.deepEqual(names, [FAILED, "first", ...others]);
    // A run that is started elsewhere appears by itself, even while no run is running.
    await page.goto(`${address}/?state=failed`);
    await page.getByRole("link", { name: FAILED }).waitFor();
    writeSampleRun(dir, "another", { step: 1, finished: false, failure: "no memory" });
    await page.getByRole("link", { name: "another" }).waitFor();
    Deno.removeSync(join(dir, "another"), { recursive: true });
    await page.getByRole("link", { name: "another" }).waitFor({ state: "detached" });
    await page.goto(`${address}/?sort=name`);
    const failed = page.getByRole("row", { name: FAILED });
    assert.match(await failed.innerText(), /failed\s+reward\.ts returned NaN/);
    await page.getByLabel("State").selectOption("finished");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/state=finished/);
    assert.deepEqual(await page.locator("tbody th a").allInnerTexts(), [
      "first",
      "stranger",
      "taught",
    ]);
    await page.getByLabel("Kind").selectOption("PPO");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/kind=ppo/);
    assert.deepEqual(await page.locator("tbody th a").allInnerTexts(), ["first"]);
    await page.getByRole("link", { name: "KL (nats)" }).waitFor();
    await page.goto(address);
    for (const name of ["first", "second"]) await page.getByLabel(`Compare ${name}`).check();
    await page.getByRole("button", { name: "Compare 2 selected" }).click();
    await page.getByRole("heading", { name: "Compare 2 runs" }).waitFor();
    const differences = page.getByRole("region", { name: "Settings that differ" }).last();
    assert.match(await differences.innerText(), /seed\s+7/);
    const first = page.locator(".chart").first();
    await first.getByText("step 10").waitFor();
    assert.match(await first.innerText(), /first\s+[\d.]+\s+second\s+[\d.]+/);
  });
});
