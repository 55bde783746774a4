import assert from "node:assert/strict";
import type { Device } from "../../../lib/device/device.ts";
import { OutOfMemoryError } from "../../../lib/errors.ts";
import { generate } from "../../../lib/generation/generate.ts";
import { createPolicy } from "../../../lib/models/policy.ts";
import { loadLanguageModel } from "../../../lib/models/registry.ts";
import { PPOTrainer } from "../../../lib/rl/ppo_trainer.ts";
import {
  checkStepMemory,
  estimateStepMemory,
  type StepShape,
} from "../../../lib/runs/loading/memory.ts";
import { deviceTest, gpuTest } from "../../device.ts";
import { demoModelDir } from "../../demo_model.ts";

const LORA = { r: 32, loraAlpha: 32, loraDropout: 0, targetModules: ["q", "v"] };

deviceTest("the estimate is what a step takes, or little less", async (device) => {
  const model = await loadLanguageModel(device, demoModelDir);
  const policy = createPolicy(model, LORA, 1);
  assert.ok(policy.adapter.changesNothing);
  const queries = [150, 90, 120, 200].map((length) =>
    Array.from({ length }, (_, i) => 3 + i * 37 % 600)
  );
  const shape: StepShape = {
    promptTokens: queries.map(({ length }) => length),
    newTokens: 32,
    miniBatchSize: 4,
    frozenReference: false,
    activationBytes: null,
  };
  const { used } = device.memory;
  const { training, cache, activations } = estimateStepMemory(policy, shape);
  const trainer = new PPOTrainer(policy, { batchSize: 4, miniBatchSize: 4, ppoEpochs: 1 });
  const base = device.memory.used;
  assert.ok(base - used >= training && base - used < 1.25 * training);

  const config = { maxNewTokens: shape.newTokens, minLength: 50, doSample: true };
  const sampled = await generate(model, queries, config, { ...policy, logprobs: true });
  assert.ok(device.memory.peak - base >= cache);
  await trainer.step(queries, sampled.map(({ tokens }) => tokens), [1, 0, 2, 1], sampled);
  const peak = device.memory.peak - base;
  assert.ok(activations <= peak && activations > 0.8 * peak, `${activations} of ${peak}`);

  assert.equal(estimateStepMemory(policy, { ...shape, activationBytes: 1000 }).activations, 1000);
});

Deno.test("what does not fit is one line, with the bytes", () => {
  const device = { memory: { used: 3 * 2 ** 30 }, memoryLimit: 2 ** 32 } as unknown as Device;
  const estimate = { training: 2 ** 20, cache: 2 ** 30, activations: 2 ** 29 };
  assert.throws(() => checkStepMemory(device, estimate), (error: Error) => {
    assert.ok(error instanceof OutOfMemoryError);
    assert.deepEqual([error.needed, error.available], [2 ** 32 + 2 ** 20, 2 ** 32]);
    return /^training needs at least 4.00 GiB \(3.00 GiB loaded, .*\), the device has 4.00 GiB$/
      .test(error.message);
  });
  assert.match(checkStepMemory(device, { ...estimate, cache: 0 }), /^memory: at least 3.50 GiB/);
  const unknown = { ...device, memoryLimit: null } as unknown as Device;
  assert.match(checkStepMemory(unknown, estimate), /^memory: at least 4.00 GiB/);
});

gpuTest("a GPU that has no more memory ends in one clear line", async (device) => {
  // A driver that runs out says so through the error scope; filling this one's memory would take
  // the machine's.
  device.gpu.popErrorScope = () => Promise.resolve({ message: "" } as GPUOutOfMemoryError);
  device.alloc(3 << 20);
  await new Promise((resolve) => setTimeout(resolve));
  assert.throws(() => device.alloc(4), (error: Error) => {
    assert.ok(error instanceof OutOfMemoryError);
    return /^out of memory on the GPU: 3.0 MiB needed beside the .* MiB in use$/.test(
      error.message,
    );
  });
});
