import assert from "node:assert/strict";
import { join } from "node:path";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { saveAdapter } from "../../lib/models/policy.ts";
import { loadRunPolicy } from "../../lib/runs/loading/policy.ts";
import { resolveSftConfig } from "../../lib/runs/settings/sft_config.ts";
import { serveUi } from "../../web/server.ts";
import { writeChatModel } from "../chat_model.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf } from "./browser.ts";

/** Runs a test with a site that has one run, "chat", of a model that chats. */
async function withSite(body: (address: string, model: string) => Promise<void>): Promise<void> {
  await withTempDir(async (dir) => {
    const model = join(dir, "model");
    await Deno.mkdir(model);
    await writeChatModel(model);
    const config = resolveSftConfig({ model, device: "wasm", threads: 1, evalMaxNewTokens: 8 });
    const run = join(dir, "runs/chat");
    await Deno.mkdir(run, { recursive: true });
    await Deno.writeTextFile(join(run, "config.json"), JSON.stringify(config));
    const device = await WasmDevice.create({ threads: 1 });
    await saveAdapter(await loadRunPolicy(device, config), join(run, "adapter"), model);
    device.close();
    const server = serveUi({ runs: join(dir, "runs"), host: "127.0.0.1", port: 0 });
    try {
      await body(server.address, model);
    } finally {
      await server.close();
    }
  });
}

browserTest("Try it holds a conversation with a model that chats", async (browser) => {
  await withSite(async (address) => {
    for (const width of [390, 1280]) {
      const colorScheme = width === 390 ? "dark" : "light";
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const complaints = complaintsOf(page);
      await page.goto(`${address}runs/chat/try`);
      await page.waitForSelector("[data-island=TryChat][data-hydrated]");
      const message = page.getByLabel("Message");
      await message.fill("Hello\nthere");
      await message.press("Enter");
      await page.locator(".chat .cards").waitFor();
      assert.equal(await message.inputValue(), "");
      await message.fill("Who are you?");
      await page.getByRole("button", { name: "Send" }).click();
      await page.locator(".chat .cards").nth(1).waitFor();
      assert.deepEqual(await page.locator(".said").allInnerTexts(), [
        "Hello\nthere",
        "Who are you?",
      ]);
      const titles = await page.locator(".chat h2").allInnerTexts();
      assert.deepEqual(titles.slice(0, 2), ["Before training", "With the adapter"]);
      const wider = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.ok(Number(wider) <= 0, `the page is ${wider} px too wide`);
      // Instructions of the system change what was said under others.
      await page.getByText("System prompt").click();
      await page.getByLabel("Instructions before the conversation").fill("Be brief.");
      assert.equal(await page.locator(".said").count(), 0);
      assert.deepEqual(complaints, []);
      await page.close();
    }
  });
});

Deno.test("a conversation is continued with the answers of each side", async () => {
  await withSite(async (address) => {
    const ask = async (chat: unknown) => {
      const response = await fetch(`${address}api/runs/chat/try`, {
        method: "POST",
        body: JSON.stringify({ text: "Who are you?", chat }),
      });
      return JSON.parse((await response.text()).trim().split("\n").at(-1)!);
    };
    const turn = {
      text: "#Person1#: Hi. #Person2#: Hello.",
      base: "A",
      adapter: "Jack tells Mary.",
    };
    const { answers } = await ask({ system: "", turns: [turn] });
    // The adapter is untrained: what differs is what was said before.
    assert.notEqual(answers.base.response, answers.adapter.response);
    const same = await ask({ system: "", turns: [{ ...turn, adapter: "A" }] });
    assert.equal(same.answers.adapter.response, answers.base.response);
    assert.match((await ask({ turns: [] })).reason, /expected string/);
  });
});
