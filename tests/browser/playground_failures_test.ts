import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ROOT } from "../../scripts/program.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest } from "../web/browser.ts";
import { ended, host, train } from "./playground.ts";
import { SMALL_PPO } from "./small_runs.ts";

const REWARD = "export default (samples) => samples.map(({ response }) => response.length);";

/** Waits until a step is done, or a later one: steps may come faster than anybody looks. */
async function untilStep(page: Page, step: number): Promise<void> {
  const steps = page.locator(".playground-run .steps");
  while (parseInt(await steps.innerText()) < step) await page.waitForTimeout(50);
}

browserTest("a run of another tab, and one that goes on after a reload", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.goto(site.address);
  await train(page, { ...SMALL_PPO, steps: 500, saveEvery: 1, output: "long" }, REWARD);
  await untilStep(page, 2);

  const second = await page.context().newPage();
  await second.goto(site.address);
  await second.getByText("in another tab").waitFor();
  assert.ok(await second.getByRole("button", { name: "Remove long" }).isDisabled());
  assert.ok(await second.getByRole("button", { name: "Show long" }).isDisabled());
  await train(second, { ...SMALL_PPO, output: "long" });
  assert.equal(
    await ended(second),
    "The run long is in use by another tab: wait until it is done there, or close that tab.",
  );
  await second.close();

  await page.reload();
  await page.getByRole("button", { name: "Resume long" }).click();
  const steps = page.locator(".playground-run .steps");
  await steps.filter({ hasText: /^\d+ \/ 500/ }).waitFor();
  const before = parseInt(await steps.innerText());
  assert.ok(before >= 2, `goes on after step ${before}`);
  await untilStep(page, before + 2);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("button", { name: "Stop" }).click();
  assert.equal(await ended(page), "");
  await page.getByText("Its checkpoint is kept").waitFor();

  // One that is refused before it begins is not among them.
  await train(page, { ...SMALL_PPO, noSuchSetting: 1, output: "refused" });
  assert.match(await ended(page), /^There is no setting "noSuchSetting"/);
  await page.reload();
  await page.getByRole("button", { name: "Show long" }).waitFor();
  assert.equal(await page.getByText("refused", { exact: true }).count(), 0);
  await page.getByRole("button", { name: "Remove long" }).click();
  await page.getByRole("button", { name: "Remove for good: long" }).click();
  await page.getByText("Runs kept in this browser").waitFor({ state: "detached" });
});

browserTest("models and data of the user's; what is broken is one sentence", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.goto(site.address);
  await page.getByRole("combobox", { name: "Model" }).selectOption("own");
  await page.getByRole("combobox", { name: "Data" }).selectOption("own");
  await page.getByRole("combobox", { name: "Algorithm" }).selectOption("sft");
  const settings = { steps: 1, batchSize: 2, evalSamples: 1, evalMaxNewTokens: 4 };
  const folder = page.getByLabel("Folder of the model");
  await train(page, settings);
  assert.equal(await ended(page), "Pick a model first.");

  const attempt = async (model: string) => {
    await folder.setInputFiles(model);
    await train(page, settings);
    return await ended(page);
  };
  await page.getByLabel("Dataset").setInputFiles(join(ROOT, "demo/dialogues/validation.csv"));
  assert.equal(await attempt(join(ROOT, "demo/tiny-flan-t5")), "");
  await page.getByText(/^validation\.csv: 1 file ready/).waitFor();
  await page.getByRole("heading", { name: "Before and after, 1 prompt" }).waitFor();

  await withTempDir(async (dir) => {
    assert.match(await attempt(join(ROOT, "demo/pairs")), /^Pairs has no config\.json: pick /);
    const make = async (name: string, bytes: number) => {
      const model = join(dir, name);
      await Deno.mkdir(model);
      for (const file of ["config.json", "tokenizer.json", "tokenizer_config.json"]) {
        await Deno.copyFile(join(ROOT, "demo/tiny-flan-t5", file), join(model, file));
      }
      const weights = join(model, "model.safetensors");
      await Deno.writeTextFile(weights, "not safetensors at all");
      // Beyond its text, the file takes no room on the disk.
      if (bytes > 0) await Deno.truncate(weights, bytes);
      return model;
    };
    assert.match(await attempt(await make("broken", 0)), /^models\/broken\/model\.safetensors /);
    assert.match(
      await attempt(await make("large", 5 * 2 ** 30)),
      /^Large has 5\.0 GiB of weights, more than the 4 GiB that a page can use: /,
    );
  });
  await page.getByLabel("Dataset").setInputFiles({
    name: "broken.jsonl",
    mimeType: "application/json",
    buffer: Buffer.from('{"dialogue": "torn'),
  });
  assert.match(await attempt(join(ROOT, "demo/tiny-flan-t5")), /broken\.jsonl/);
});

browserTest(
  "training that does not fit says what could help, before it begins",
  async (browser) => {
    await using site = await host();
    const page = await browser.newPage();
    await page.goto(site.address);
    const lengths = { outputMinLength: 3000, outputMaxLength: 3001 };
    await train(page, { steps: 1, batchSize: 512, miniBatchSize: 512, ...lengths });
    assert.match(
      await ended(page),
      /^Training needs at least .* are missing; try smaller batches, activationMemory or .*model\.?$/,
    );
  },
);

browserTest("without storage or a GPU, the page says so, and trains", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.route("**/temper-worker.js", (route) =>
    route.fulfill({
      contentType: "text/javascript",
      headers: { "cross-origin-embedder-policy": "require-corp" },
      body: 'import { serveWorker } from "./temper.js";\n' +
        "delete FileSystemFileHandle.prototype.createSyncAccessHandle;\nserveWorker();\n",
    }));
  await page.goto(site.address);
  await page.getByText(/^This browser keeps no files for this page/).waitFor();
  await page.getByText(/^No GPU/).waitFor();
  await train(page, { ...SMALL_PPO, steps: 1 }, "", "webgpu");
  assert.equal(
    await ended(page),
    "There is no WebGPU adapter: this browser offers none here; update it and the GPU's driver, or " +
      "use `device` wasm.",
  );
  await train(page, { ...SMALL_PPO, steps: 1 });
  assert.equal(await ended(page), "");
  assert.equal(
    await page.locator(".playground-run .notice").innerText(),
    "This browser keeps no files for this page: the run is lost when the tab is closed.",
  );
});

browserTest(
  "where the browser's storage is full, a run stops, and goes on later",
  async (browser) => {
    await using site = await host();
    const page = await browser.newPage();
    await page.goto(site.address);
    const storage = await page.context().newCDPSession(page);
    const { origin } = new URL(site.address);
    await storage.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3_000_000 });
    await train(page, { ...SMALL_PPO, steps: 6, saveEvery: 1, output: "full" });
    const failure = await ended(page);
    assert.match(
      failure,
      /^Cannot write \/runs\/full\/checkpoint-.*: the disk quota is used up \(stopped after step \d, saved up to step \d\)\.$/,
    );
    await storage.send("Storage.overrideQuotaForOrigin", { origin });
    await page.getByRole("button", { name: "Resume full" }).click();
    await page.locator(".playground-run .steps").filter({ hasText: "6 / 6" }).waitFor();
    assert.equal(await ended(page), "");
  },
);
