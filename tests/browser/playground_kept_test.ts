import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { ROOT } from "../../scripts/program.ts";
import { withTempDir } from "../temp_dir.ts";
import { seriousViolations } from "../web/axe.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { ended, host, train } from "./playground.ts";
import { SMALL_PPO } from "./small_runs.ts";

const CHAT_MODEL = join(ROOT, "demo/tiny-chat");
const T5 = join(ROOT, "demo/tiny-flan-t5");

/** Questions with a good and a bad answer, as a person has them in a file. */
const PAIRS = {
  name: "pairs.jsonl",
  mimeType: "application/x-ndjson",
  buffer: Buffer.from(
    [21, 22, 23, 24, 25, 26].map((left) =>
      JSON.stringify({
        prompt: [{ role: "user", content: `What is ${left} + 4?` }],
        chosen: [{ role: "assistant", content: String(left + 4) }],
        rejected: [{ role: "assistant", content: "I do not know." }],
      })
    ).join("\n"),
  ),
};

/** Names of the runs that are kept, in the order of the page. */
async function keptNames(page: Page): Promise<string[]> {
  return await page.locator(".kept li strong").allInnerTexts();
}

browserTest("a run of one's own chat model, tried at once and after a reload", async (browser) => {
  await using site = await host();
  const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
  const complaints = complaintsOf(page);
  await page.goto(site.address);
  await page.getByRole("combobox", { name: "Model" }).selectOption("own");
  await page.getByRole("combobox", { name: "Data" }).selectOption("own");
  await page.getByRole("combobox", { name: "Algorithm" }).selectOption("dpo");
  await page.getByLabel("Folder of the model").setInputFiles(CHAT_MODEL);
  await page.getByLabel("Dataset").setInputFiles(PAIRS);
  const settings = { steps: 1, batchSize: 2, evalSamples: 1, evalPrompts: 1, evalMaxNewTokens: 4 };
  await train(page, { ...settings, output: "z-first" });
  assert.equal(await ended(page), "");
  await page.getByRole("heading", { name: /^Before and after, 1 prompt/ }).waitFor();
  const message = page.getByRole("textbox", { name: "Message" });
  assert.match(await message.inputValue(), /^What is 2\d \+ 4\?$/);
  await page.getByRole("button", { name: "Respond" }).click();
  await page.getByRole("heading", { name: "After training" }).waitFor();
  // The label is not said twice.
  const [before] = await page.locator(".playground-run dl.pairs dd").allInnerTexts();
  assert.match(before, /^loss \d/);

  await page.reload();
  await page.getByText("of the CPU").first().waitFor();
  await page.getByRole("button", { name: "Show z-first" }).click();
  assert.deepEqual(await seriousViolations(page), []);
  const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  assert.ok(Number(wider) <= 0, `the page is ${wider} px too wide`);
  const folder = page.getByLabel("Folder of the model: tiny-chat");
  await folder.setInputFiles(T5);
  const failure = page.locator(".playground-run .failure");
  assert.equal(await failure.innerText(), "The run needs tiny-chat, this is tiny-flan-t5.");
  assert.equal(await message.count(), 0);
  await folder.setInputFiles(CHAT_MODEL);
  assert.match(await message.inputValue(), /^What is 2\d \+ 4\?$/);
  await page.getByRole("button", { name: "Respond" }).click();
  await page.getByRole("heading", { name: "After training" }).waitFor();

  // The latest first, whatever their names.
  const algorithm = page.getByRole("combobox", { name: "Algorithm" });
  assert.equal(await algorithm.inputValue(), "dpo", "the form is as it was left");
  await algorithm.selectOption("ppo");
  await page.getByRole("combobox", { name: "Model" }).selectOption("demo/tiny-flan-t5");
  await page.getByRole("combobox", { name: "Data" }).selectOption("demo");
  await train(page, { ...SMALL_PPO, output: "a-second" });
  assert.equal(await ended(page), "");
  await page.locator(".kept li").nth(1).waitFor();
  assert.deepEqual(await keptNames(page), ["a-second", "z-first"]);
  assert.deepEqual(complaints, []);
});

browserTest("going on takes the run's own files, whatever the form says", async (browser) => {
  await using site = await host();
  const page = await browser.newPage();
  await page.goto(site.address);
  await page.getByRole("combobox", { name: "Model" }).selectOption("own");
  await page.getByLabel("Folder of the model").setInputFiles(T5);
  await train(page, { ...SMALL_PPO, steps: 500, saveEvery: 1, output: "own" });
  await page.locator(".playground-run .steps").filter({ hasText: /^[1-9]\d* \/ 500/ }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  assert.equal(await ended(page), "");

  await page.reload();
  await page.getByText("of the CPU").first().waitFor();
  // Another model in the form has no part in it.
  await page.getByRole("combobox", { name: "Model" }).selectOption("own");
  await page.getByLabel("Folder of the model", { exact: true }).setInputFiles(CHAT_MODEL);
  await page.getByRole("button", { name: "Resume own" }).click();
  assert.equal(
    await ended(page),
    "The run's own files are gone since the page was loaded: drop tiny-flan-t5 below, then resume the run.",
  );
  await page.getByLabel("Folder of the model: tiny-flan-t5").setInputFiles(T5);
  await page.getByLabel("Folder of the model: tiny-flan-t5").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByText("Training", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  assert.equal(await ended(page), "");
});

browserTest("a model of the same name is not taken for the run's own", async (browser) => {
  await using site = await host();
  await withTempDir(async (folder) => {
    const other = join(folder, "tiny-flan-t5");
    await Deno.mkdir(other);
    for (const { name } of Deno.readDirSync(T5)) {
      await Deno.copyFile(join(T5, name), join(other, name));
    }
    await Deno.writeTextFile(join(other, "generation_config.json"), "{}");
    const page = await browser.newPage();
    await page.goto(site.address);
    await page.getByRole("combobox", { name: "Model" }).selectOption("own");
    const picked = page.getByLabel("Folder of the model", { exact: true });
    for (const [model, output] of [[T5, "first"], [other, "second"]]) {
      await picked.setInputFiles(model);
      await train(page, { ...SMALL_PPO, steps: 1, output });
      // Until then the page shows the run before, which has ended.
      await page.getByRole("heading", { name: output, exact: true }).waitFor();
      assert.equal(await ended(page), "");
    }
    await page.getByRole("button", { name: "Show first" }).click();
    await page.getByRole("heading", { name: "first", exact: true }).waitFor();
    const respond = page.getByRole("button", { name: "Respond" });
    const failure = page.locator(".playground-run .failure");
    const own = page.getByLabel("Folder of the model: tiny-flan-t5");
    await respond.click();
    await own.waitFor();
    assert.match(await failure.innerText(), /^The model has changed since the run started/);
    await own.setInputFiles(T5);
    await respond.click();
    await page.getByRole("heading", { name: "After training" }).waitFor();
    assert.equal(await failure.count(), 0);
  });
});

browserTest(
  "a reward model: its pairs before and after, and the model to download",
  async (browser) => {
    await using site = await host();
    const page = await browser.newPage();
    await page.goto(site.address);
    await page.getByRole("combobox", { name: "Algorithm" }).selectOption("reward");
    await train(page, { steps: 2, batchSize: 4, evalSamples: 9 });
    assert.equal(await ended(page), "");
    await page.getByRole("heading", { name: "Before and after, 9 pairs" }).waitFor();
    assert.equal(await page.getByRole("heading", { name: "Chosen" }).count() >= 8, true);
    await page.getByRole("button", { name: "Show more (1 left)" }).click();
    await page.getByRole("button", { name: /^Show more/ }).waitFor({ state: "detached" });
    assert.equal(await page.getByRole("button", { name: "Respond" }).count(), 0);
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download the model" }).click(),
    ]);
    assert.match(file.suggestedFilename(), /-model\.zip$/);
  },
);
