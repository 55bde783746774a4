import assert from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { listRuns } from "../../lib/runs/commands/history.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import { run } from "../../lib/runs/loop/run.ts";
import { BROWSER_MODULE, buildBrowser } from "../../scripts/browser_build.ts";
import { ROOT } from "../../scripts/program.ts";
import { serveUi } from "../../web/server.ts";
import { withTempDir } from "../temp_dir.ts";
import { seriousViolations } from "../web/axe.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { ended, host, train } from "./playground.ts";
import { SMALL_GRPO, SMALL_PPO } from "./small_runs.ts";
import { unzip } from "./unzip.ts";

/** Saves what a button offers, and unpacks it. */
async function download(page: Page, button: string, folder: string): Promise<void> {
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).click(),
  ]);
  unzip(await Deno.readFile(await file.path()), folder);
}

/** The adapter that the same settings make in Deno. */
async function adapterInDeno(
  kind: string,
  settings: Record<string, unknown>,
): Promise<Uint8Array> {
  let bytes = new Uint8Array();
  await withTempDir(async (folder) => {
    const { resolve } = runKind(kind);
    const config = resolve({ ...settings, device: "wasm", output: join(folder, "run") });
    const { trained } = await run(runKind(kind), config);
    bytes = await Deno.readFile(join(trained, "adapter_model.safetensors"));
  });
  return bytes;
}

browserTest(
  "the page trains the demos to the adapters of the command line, at 390 and 1280 px",
  async (browser, test) => {
    await using site = await host();
    for (
      const [kind, model, settings, width, colorScheme] of [
        ["ppo", "demo/tiny-flan-t5", SMALL_PPO, 1280, "light"],
        ["grpo", "demo/tiny-chat", SMALL_GRPO, 390, "dark"],
      ] as const
    ) {
      await test.step(`${kind}, ${width} px, ${colorScheme}`, async () => {
        const expected = await adapterInDeno(kind, settings);
        const viewport = { width, height: 800 };
        const page = await browser.newPage({ viewport, colorScheme, acceptDownloads: true });
        const complaints = complaintsOf(page);
        await page.goto(site.address);
        await page.getByRole("combobox", { name: "Model" }).selectOption(model);
        await train(page, { ...settings, output: "small" });
        assert.equal(await ended(page), "");
        await page.getByText("Samples of step 2").waitFor();
        assert.equal(await page.locator(".playground-run canvas").count() > 5, true);
        await withTempDir(async (folder) => {
          await download(page, "Download the adapter (PEFT)", folder);
          const adapter = await Deno.readFile(join(folder, "adapter/adapter_model.safetensors"));
          assert.deepEqual(adapter, expected);
          await download(page, "Download the run", folder);
          const [listed] = await listRuns(folder);
          assert.ok("status" in listed);
          assert.deepEqual([listed.name, listed.status], ["small", "finished"]);
        });
        await page.getByRole("button", { name: "Respond" }).click();
        await page.getByRole("heading", { name: "After training" }).waitFor();
        assert.deepEqual(await seriousViolations(page), []);
        const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert.ok(Number(wider) <= 0, `the page is ${wider} px too wide`);
        assert.deepEqual(complaints, []);
        // After a reload, the run is still there.
        await page.reload();
        await page.getByRole("button", { name: "Show small" }).click();
        await page.getByText("Samples of step 2").waitFor();
        await page.getByText(/^Before and after, \d+ prompts$/).waitFor();
        await page.close();
      });
    }
  },
);

browserTest("a static host without headers: one thread, the same adapter", async (browser) => {
  await using site = await host(() => ({}));
  const page = await browser.newPage({ acceptDownloads: true });
  const complaints = complaintsOf(page);
  await page.goto(site.address);
  await page.getByText(/^One thread of the CPU: this page has no SharedArrayBuffer/).waitFor();
  await page.getByText(/^No GPU/).waitFor();
  await train(page, SMALL_PPO);
  assert.equal(await ended(page), "");
  await withTempDir(async (folder) => {
    await download(page, "Download the adapter (PEFT)", folder);
    assert.deepEqual(
      await Deno.readFile(join(folder, "adapter/adapter_model.safetensors")),
      await adapterInDeno("ppo", SMALL_PPO),
    );
  });
  assert.deepEqual(complaints, []);
});

browserTest("temper ui has the page, in its own bar", async (browser) => {
  await buildBrowser(join(ROOT, BROWSER_MODULE));
  await withTempDir(async (folder) => {
    const server = serveUi({ runs: folder, host: "127.0.0.1", port: 0 });
    try {
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      await page.goto(server.address);
      await page.getByRole("link", { name: "In this browser" }).click();
      await train(
        page,
        { ...SMALL_PPO, steps: 1 },
        "export default (samples) => samples.map(() => 1);",
      );
      assert.equal(await ended(page), "");
      assert.ok(await page.evaluate("crossOriginIsolated"));
      // So is the page that works for a run elsewhere.
      await page.getByRole("link", { name: "work for a run on another machine" }).click();
      await page.locator("[data-hydrated]").waitFor();
      await page.getByLabel("Address of the NATS server").fill("trainer:4222");
      await page.getByRole("button", { name: "Work" }).click();
      await page.getByText('"trainer:4222" is not the address of a NATS server').waitFor();
      assert.ok(await page.evaluate("crossOriginIsolated"));
      assert.deepEqual(complaints, []);
    } finally {
      await server.close();
    }
  });
});

browserTest("a reward of the user's: scores, and its mistakes in one sentence", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.goto(site.address);
  const attempt = async (reward: string) => {
    await train(page, { ...SMALL_PPO, steps: 1 }, reward);
    return await ended(page);
  };
  const works = "export default (prompts, completions, columns) => " +
    "completions.map((text, i) => text.length + (columns.summary[i].length > 0 ? 1 : 0));";
  assert.equal(await attempt(works), "");
  assert.match(await attempt("export default ("), /^The reward does not load: /);
  assert.match(await attempt("export const a = 1;"), /it has no function as its default export/);
  assert.match(
    await attempt(`export default async () => { await fetch("${site.address}"); return [1]; };`),
    /^The reward mine\.js threw on a batch of \d samples?: .*Failed to fetch/,
  );
  // One that never returns, until it is loaded again.
  const hangs = "let calls = 0;\n" +
    "export default (samples) => { while (calls === 6); calls++; return samples.map(() => 1); };";
  await train(page, { ...SMALL_PPO, steps: 6, saveEvery: 1, output: "hangs" }, hangs);
  assert.equal(
    await ended(page),
    "The reward did not return within 10 seconds, and was stopped (stopped in step 6, saved up to " +
      "step 5).",
  );
  await page.getByRole("button", { name: "Resume hangs" }).click();
  await page.locator(".playground-run .steps").filter({ hasText: "6 / 6" }).waitFor();
  assert.equal(await ended(page), "");
  assert.match(
    await attempt("export default (samples) => samples.map(async () => 1);"),
    /^The reward mine\.js returned an object for sample 0 /,
  );
  // The page goes on.
  assert.equal(await attempt(works), "");
});

browserTest("the page shows from its HTML alone, in its style", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  const held: string[] = [];
  // Nothing else ever comes, so no script runs.
  await page.route("**/*", (route) => {
    const { pathname } = new URL(route.request().url());
    return pathname === "/" ? route.continue() : void held.push(pathname);
  });
  await page.goto(site.address, { waitUntil: "commit" });
  await page.waitForFunction(
    () => performance.getEntriesByName("first-contentful-paint").length > 0,
  );
  await page.getByRole("heading", { name: "Train in this browser" }).waitFor();
  await page.getByRole("button", { name: "Train", exact: true }).waitFor();
  const card = page.locator(".playground-form");
  const border = await card.evaluate((form) => getComputedStyle(form).borderTopStyle);
  assert.equal(border, "solid", "the form has its style");
  assert.deepEqual(held.filter((path) => !/\.svg$/.test(path)), ["/start.js"]);
});

browserTest("the page shows before its script and the module are loaded", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.goto(site.address);
  await page.getByText("of the CPU").first().waitFor();
  const [painted, script, module] = await page.evaluate(() => {
    const asked = (file: RegExp) =>
      performance.getEntriesByType("resource").find(({ name }) => file.test(name))!.startTime;
    const [{ startTime }] = performance.getEntriesByName("first-contentful-paint");
    return [startTime, asked(/\/client\.js\?v=/), asked(/\/temper\.js$/)];
  });
  const told =
    `painted after ${painted} ms, script and module asked for at ${script} and ${module}`;
  assert.ok(painted <= script && script <= module, told);
});

browserTest(
  "what is chosen and clicked before the page's script is there counts",
  async (browser) => {
    await using site = await host();
    const page = await browser.newPage();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    await page.route(/\/client\.js/, async (route) => {
      await released;
      await route.continue();
    });
    await page.goto(site.address);
    const folder = page.getByLabel("Folder of the model", { exact: true });
    const model = page.getByRole("combobox", { name: "Model" });
    await model.selectOption("own");
    await page.getByRole("combobox", { name: "Data" }).selectOption("own");
    await page.getByRole("combobox", { name: "Algorithm" }).selectOption("dpo");
    assert.equal(await folder.count(), 0);
    await page.getByRole("button", { name: "Train", exact: true }).click();
    release();
    await folder.waitFor();
    await page.getByLabel("Dataset", { exact: true }).waitFor();
    assert.equal(await model.inputValue(), "own");
    assert.equal(await ended(page), "Pick a model first.");
    assert.equal(page.url(), site.address);
  },
);
