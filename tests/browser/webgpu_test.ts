import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type * as Temper from "../../browser.ts";
import { browserTest } from "../web/browser.ts";
import { ended, host, train } from "./playground.ts";
import { Site, SWIFTSHADER } from "./site.ts";

/** Settings of a GRPO run that SwiftShader makes in seconds, once it has compiled the kernels. */
const SMALL_GRPO = {
  steps: 2,
  batchSize: 4,
  miniBatchSize: 4,
  numGenerations: 2,
  maxCompletionLength: 3,
  evalSamples: 1,
};

/** Settings of a PPO run, likewise. */
const SMALL_PPO = {
  steps: 2,
  batchSize: 2,
  miniBatchSize: 2,
  ppoEpochs: 1,
  outputMinLength: 2,
  outputMaxLength: 4,
  evalSamples: 1,
  evalMaxNewTokens: 2,
};

/** Responses of a run that is kept in the page. */
function responsesOf(page: Page, run: string): Promise<string[]> {
  return page.evaluate(async (run) => {
    const { TemperWorker }: typeof Temper = await import(String("/temper.js"));
    const worker = await TemperWorker.start();
    const files = await worker.files(`/runs/${run}`);
    worker.close();
    const rows = await files.find(({ path }) => path === "samples.jsonl")!.body.text();
    return rows.trim().split("\n").map((row) => JSON.parse(row).response);
  }, run);
}

browserTest(
  "the page trains on WebGPU and draws the same tokens as on WASM",
  async (browser, test) => {
    await using site = await host();
    for (
      const [kind, model, settings, responses] of [
        ["ppo", "demo/tiny-flan-t5", SMALL_PPO, 4],
        ["grpo", "demo/tiny-chat", SMALL_GRPO, 8],
      ] as const
    ) {
      await test.step(kind, async () => {
        const page = await browser.newPage();
        // The compiler of SwiftShader takes half a minute where nothing else runs.
        page.setDefaultTimeout(600_000);
        await page.goto(site.address);
        await page.getByRole("combobox", { name: "Model" }).selectOption(model);
        await train(page, { ...settings, output: "on-webgpu" }, "", "webgpu");
        assert.equal(await ended(page), "");
        const notes = await page.getByLabel("Messages of the run").textContent();
        assert.match(notes ?? "", /^device: WebGPU, .*swiftshader/im);
        await train(page, { ...settings, output: "on-wasm" });
        assert.equal(await ended(page), "");
        const drawn = await responsesOf(page, "on-webgpu");
        assert.equal(drawn.length, responses);
        assert.deepEqual(drawn, await responsesOf(page, "on-wasm"));
        await page.close();
      });
    }
  },
  SWIFTSHADER,
);

browserTest("a run whose GPU is lost goes on on WASM, and says so", async (browser) => {
  await using site = await Site.serve();
  site.write(
    "lossy-gpu.js",
    `const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...args) {
      const device = await requestDevice.apply(this, args);
      const { queue } = device;
      let submits = 0;
      queue.submit = (...commands) => {
        if (++submits === 4) device.destroy();
        return GPUQueue.prototype.submit.apply(queue, commands);
      };
      return device;
    };`,
  );
  site.write(
    "lossy.js",
    'import "./lossy-gpu.js"; import { serveWorker } from "./temper.js"; serveWorker();',
  );
  const page = await browser.newPage();
  await site.show(page);
  const told = await page.evaluate(async (settings) => {
    const worker = await temper.TemperWorker.start({ worker: "/lossy.js" });
    const told: string[] = [];
    await worker.train("grpo", { ...settings, device: "webgpu" }, {
      on: {
        info: (text) => told.push(text),
        warning: (text) => told.push(text),
        stepped: ({ step }) => told.push(`step ${step}`),
      },
    }).finished;
    const [{ status }] = await worker.runs();
    worker.close();
    return [...told.filter((text) => /^(device|step|the GPU)/.test(text)), status];
  }, SMALL_GRPO);
  assert.deepEqual(told.map((line) => line.replace(/SIMD.*|WebGPU,.*/, "…")), [
    "device: …",
    "the GPU was lost: the run goes on on WASM, from its last checkpoint",
    "device: WebAssembly …",
    "step 1",
    "step 2",
    "finished",
  ]);
}, SWIFTSHADER);
