import assert from "node:assert/strict";
import { generate, loadLanguageModel, openDevice } from "../../mod.ts";
import { demoModelDir } from "../demo_model.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { Site } from "./site.ts";

/** First block of a language behind a text in the document. */
async function block(language: string, behind = ""): Promise<string> {
  const text = await Deno.readTextFile(new URL("../../docs/browser.md", import.meta.url));
  const [, found] = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``)
    .exec(text.slice(text.indexOf(behind)))!;
  return found;
}

browserTest(
  "docs/browser.md: the page of 15 lines trains, and offers the adapter",
  async (browser) => {
    const html = await block("html");
    assert.ok(html.trim().split("\n").length <= 17, "15 lines and two of the document's");
    await using site = await Site.serve();
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    site.write("example.html", html);
    await page.goto(`${site.address}example.html`);
    await page.locator("#adapter").waitFor({ state: "visible" });
    assert.equal(await page.locator("#progress").getAttribute("value"), "1");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("#adapter").click(),
    ]);
    const zip = await Deno.readFile(await download.path());
    const names = new TextDecoder("latin1").decode(zip);
    for (const name of ["adapter_config.json", "adapter_model.safetensors", "README.md"]) {
      assert.ok(names.includes(`adapter/${name}`), name);
    }
    assert.deepEqual(complaints, []);
  },
);

browserTest("docs/browser.md: the library in a worker of one's own", async (browser) => {
  await using site = await Site.serve();
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  const fetched = (name: string) =>
    `new Uint8Array(await (await fetch("/demo/tiny-flan-t5/${name}")).arrayBuffer())`;
  site.write(
    "library.js",
    `const [config, weights] = [${fetched("config.json")}, ${fetched("model.safetensors")}];
    ${await block("js", "## The library in a worker of your own")}
    import { generate } from "./temper.js";
    const [{ tokens }] = await generate(model, [[100, 200, 1]], { maxNewTokens: 4 });
    postMessage([device.description, tokens, PPOTrainer.name !== ""]);`,
  );
  await page.goto(site.address);
  const [device, tokens, hasTrainers] = await page.evaluate(() =>
    new Promise<[string, number[], boolean]>((resolve, reject) => {
      const worker = new Worker("/library.js", { type: "module" });
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    })
  );
  assert.match(device, /^WebAssembly SIMD, \d+ threads?$/);
  const here = await openDevice({ device: "wasm" });
  const model = await loadLanguageModel(here, demoModelDir);
  const [expected] = await generate(model, [[100, 200, 1]], { maxNewTokens: 4 });
  here.close();
  assert.deepEqual(tokens, expected.tokens);
  assert.ok(hasTrainers);
  assert.deepEqual(complaints, []);
});
