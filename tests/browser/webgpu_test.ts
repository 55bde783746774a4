import assert from "node:assert/strict";
import { browserTest, launchBrowser } from "../web/browser.ts";
import { Site } from "./site.ts";

/** Flags by which Chromium offers SwiftShader, a GPU in software, as WebGPU. */
const SWIFTSHADER = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

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
