import assert from "node:assert/strict";
import { join } from "node:path";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import { run } from "../../lib/runs/loop/run.ts";
import { withTempDir } from "../temp_dir.ts";
import { browserTest, complaintsOf, type Pages } from "../web/browser.ts";
import { ISOLATED, Site } from "./site.ts";
import { SMALL_GRPO, SMALL_PPO } from "./small_runs.ts";

/** Runs of the demo that take a second, in which everything that is random is on. */
const RUNS: readonly (readonly [kind: string, settings: Record<string, unknown>])[] = [
  ["ppo", {
    ...SMALL_PPO,
    shuffleMinibatches: true,
    policyDropout: true,
    device: "wasm",
  }],
  ["grpo", { ...SMALL_GRPO, device: "wasm" }],
];

/** Files of a run by their paths, as hexadecimal texts of their SHA-256. */
type Digests = Record<string, string>;

/** Trains in Deno. Returns the files of the adapter. */
async function inDeno(kind: string, settings: Record<string, unknown>): Promise<Digests> {
  const digests: Digests = {};
  await withTempDir(async (folder) => {
    const { resolve } = runKind(kind);
    const output = join(folder, "run");
    const { trained } = await run(runKind(kind), resolve({ ...settings, output }));
    for (const { name } of Deno.readDirSync(trained)) {
      const bytes = await Deno.readFile(join(trained, name));
      digests[name] = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    }
  });
  return digests;
}

/** Trains in a page. Returns the files of the adapter, and the number of threads in words. */
async function inPage(
  site: Site,
  browser: Pages,
  kind: string,
  settings: Record<string, unknown>,
): Promise<Digests> {
  const page = await browser.newPage();
  const complaints = complaintsOf(page);
  await site.show(page);
  const digests = await page.evaluate(async ([kind, settings]) => {
    const worker = await temper.TemperWorker.start();
    const training = worker.train(kind, settings, { keep: false });
    const { run } = await training.finished;
    const digests: Digests = {};
    for (const { path, body } of await worker.files(`/runs/${run}/adapter`)) {
      const hash = await crypto.subtle.digest("SHA-256", await body.arrayBuffer());
      digests[path] = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0"))
        .join("");
    }
    worker.close();
    digests.threads = worker.facts.threads > 1 ? "several threads" : "one thread";
    return digests;
  }, [kind, settings] as const);
  assert.deepEqual(complaints, []);
  await page.close();
  return digests;
}

browserTest("a page trains the demo's adapters bit for bit as Deno does", async (browser, test) => {
  await using site = await Site.serve(ISOLATED);
  await using alone = await Site.serve({});
  for (const [kind, settings] of RUNS) {
    const expected = await inDeno(kind, settings);
    // The card has the time that training took.
    const card = "README.md";
    for (const [name, host] of [["several threads", site], ["one thread", alone]] as const) {
      await test.step(`${kind}, ${name}`, async () => {
        const found = await inPage(host, browser, kind, settings);
        assert.deepEqual({ ...found, [card]: "" }, { ...expected, [card]: "", threads: name });
      });
    }
  }
});
