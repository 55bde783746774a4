import assert from "node:assert/strict";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { Site } from "./site.ts";

browserTest(
  "docs/browser.md: the page of 15 lines trains, and offers the adapter",
  async (browser) => {
    const text = await Deno.readTextFile(new URL("../../docs/browser.md", import.meta.url));
    const [, html] = /<!-- tested: .*? -->\s*```html\n([^]*?)```/.exec(text)!;
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
