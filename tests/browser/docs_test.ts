import assert from "node:assert/strict";
import { generate, loadLanguageModel, openDevice } from "../../mod.ts";
import { demoModelDir } from "../demo_model.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { Site } from "./site.ts";

/** Facts that a worker tells of the library. */
interface LibraryFacts {
  device: string;
  tokens: number[];
  hasTrainers: boolean;
  /** Weights of the value head, as saved and as loaded again. */
  values: number[][];
  /** Zip file of the adapter, as text. */
  zip: string;
}

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
  const library = "## The library in a worker of your own";
  site.write(
    "library.js",
    `const [config, weights] = [${fetched("config.json")}, ${fetched("model.safetensors")}];
    ${await block("js", library)}
    ${await block("js", "keep an adapter")}
    import { generate, zipFolder } from "./temper.js";
    const [{ tokens }] = await generate(model, [[100, 200, 1]], { maxNewTokens: 4 });
    const values = async ({ parameters }) => (await parameters.readAll()).get("v_head.summary.weight").data;
    postMessage({
      device: device.description,
      tokens,
      hasTrainers: PPOTrainer.name !== "",
      values: [[...await values(policy)], [...await values(kept)]],
      zip: await zipFolder("/adapter").text(),
    });`,
  );
  await page.goto(site.address);
  const { device, tokens, hasTrainers, values, zip } = await page.evaluate(() =>
    new Promise<LibraryFacts>((resolve, reject) => {
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
  assert.ok(values[0].some((value) => value !== 0));
  assert.deepEqual(values[1], values[0]);
  assert.match(zip, /^PK.*adapter\/adapter_model\.safetensors/s);
  // The storage outlives the worker and the page.
  await page.reload();
  const kept = await page.evaluate(async () => {
    const storage = await navigator.storage.getDirectory();
    const file = await (await storage.getDirectoryHandle("adapter"))
      .getFileHandle("adapter_config.json");
    return JSON.parse(await (await file.getFile()).text());
  });
  assert.deepEqual([kept.peft_type, kept.base_model_name_or_path], ["LORA", "demo/tiny-flan-t5"]);
  assert.deepEqual(complaints, []);
});
