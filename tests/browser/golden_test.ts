import assert from "node:assert/strict";
import { join } from "node:path";
import { listFiles, ROOT } from "../../scripts/program.ts";
import { browserTest, complaintsOf } from "../web/browser.ts";
import { goldenWorker } from "./golden/bundle.ts";
import type { GoldenOrder, GoldenOutcome } from "./golden/worker.ts";
import { Site, SWIFTSHADER } from "./site.ts";

/** Folders that the tests read. */
const FOLDERS = ["demo/tiny-flan-t5", "tests/golden/cases", "tests/golden_causal/cases"];

/**
 * Tests that SwiftShader is asked for, a step of whose training takes it ten seconds: each kind of
 * trainer once, and each family's forward pass that has kernels of its own.
 */
const ON_WEBGPU: readonly string[] = [
  "golden forward: hidden states and logits, without and with the adapter",
  "golden sft_grad: loss and gradients of every LoRA parameter",
  "golden gemma3/checkpoint: logits",
  "golden gpt2/checkpoint: logits",
  "golden llama/checkpoint: logits with adapter-all",
  "golden qwen3/checkpoint: logits",
  "golden llama generate: greedy",
  "golden llama/checkpoint sft_grad: gradients of LoRA",
  "golden llama: grpo_grpo",
  "golden llama: dpo_truncated, keep_end",
  "golden reward-llama: reward_plain",
  "golden gpt2/checkpoint, adapter: ppo_seed_notebook",
];

/** Addresses of the files that the tests read. */
async function addresses(): Promise<string[]> {
  const listed = await Promise.all(FOLDERS.map(async (folder) => {
    const files = await listFiles(join(ROOT, folder));
    return files.map(([name]) => `/${folder}/${name}`);
  }));
  return listed.flat();
}

browserTest("golden cases in a page, on WASM and on WebGPU", async (browser, test) => {
  await using site = await Site.serve();
  site.write("golden-worker.js", await goldenWorker());
  const paths = await addresses();
  const run = async (order: Pick<GoldenOrder, "device" | "names">) => {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    await page.goto(site.address);
    const outcome = await page.evaluate((order) => {
      const worker = new Worker("/golden-worker.js", { type: "module" });
      return new Promise<GoldenOutcome>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(order);
      });
    }, { ...order, paths });
    const failed = Object.entries(outcome.failures).filter(([, failure]) => failure !== null);
    assert.deepEqual(Object.fromEntries(failed), {});
    assert.deepEqual(complaints, []);
    await page.close();
    return { device: outcome.device, names: Object.keys(outcome.failures) };
  };
  await test.step("all of them on WASM, with two threads", async () => {
    const { device, names } = await run({ device: "wasm", names: null });
    assert.equal(device, "WebAssembly SIMD, 2 threads");
    assert.ok(names.length > 100, `${names.length} tests`);
  });
  await test.step("some of them on WebGPU", async () => {
    const { device, names } = await run({ device: "webgpu", names: ON_WEBGPU });
    assert.match(device, /^WebGPU, .*swiftshader/i);
    assert.deepEqual(names.toSorted(), ON_WEBGPU.toSorted());
  });
}, SWIFTSHADER);
