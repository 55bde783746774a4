import assert from "node:assert/strict";
import { launchBrowser } from "../../scripts/chromium.ts";
import { browserTest } from "../web/browser.ts";
import { Site, SWIFTSHADER } from "./site.ts";

const SETTINGS = {
  steps: 2,
  batchSize: 4,
  miniBatchSize: 4,
  numGenerations: 2,
  maxCompletionLength: 4,
  evalSamples: 2,
};

browserTest("a page trains on WebGPU and draws the same tokens as on WASM", async () => {
  await using site = await Site.serve();
  const browser = await launchBrowser(SWIFTSHADER);
  try {
    const page = await browser.newPage();
    await site.show(page);
    const drawn = await page.evaluate(async (settings) => {
      const worker = await temper.TemperWorker.start();
      const drawn: Record<string, { gpu: string | null; responses: unknown[][] }> = {};
      for (const device of ["webgpu", "wasm"]) {
        const responses: unknown[][] = [];
        await worker.train("grpo", { ...settings, device }, {
          keep: false,
          on: {
            stepped: ({ samples }) =>
              responses.push(samples.map((sample) => (sample as { response: string }).response)),
          },
        }).finished;
        drawn[device] = { gpu: worker.facts.gpu, responses };
      }
      worker.close();
      return drawn;
    }, SETTINGS);
    assert.match(drawn.webgpu.gpu ?? "", /^WebGPU, .*swiftshader/);
    assert.equal(drawn.webgpu.responses.flat().length, 8);
    assert.deepEqual(drawn.webgpu.responses, drawn.wasm.responses);
  } finally {
    await browser.close();
  }
});

browserTest("a run whose GPU is lost goes on on WASM, and says so", async () => {
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
  const browser = await launchBrowser(SWIFTSHADER);
  try {
    const page = await browser.newPage();
    await site.show(page);
    const told = await page.evaluate(async (settings) => {
      const worker = await temper.TemperWorker.start({ worker: "/lossy.js" });
      const told: string[] = [];
      await worker.train("grpo", { ...settings, device: "webgpu" }, {
        on: {
          info: (text) => told.push(text),
          stepped: ({ step }) => told.push(`step ${step}`),
        },
      }).finished;
      const [{ status }] = await worker.runs();
      worker.close();
      return [...told.filter((text) => /^(device|step|the GPU)/.test(text)), status];
    }, SETTINGS);
    assert.deepEqual(told.map((line) => line.replace(/SIMD.*|WebGPU,.*/, "…")), [
      "device: …",
      "the GPU was lost: the run goes on on WASM, from its last checkpoint",
      "device: WebAssembly …",
      "step 1",
      "step 2",
      "finished",
    ]);
  } finally {
    await browser.close();
  }
});
