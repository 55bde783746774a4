import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Device } from "../../../lib/device/device.ts";
import { OutOfMemoryError } from "../../../lib/errors.ts";
import { generate } from "../../../lib/generation/generate.ts";
import { createPolicy } from "../../../lib/models/policy.ts";
import {
  loadClassifierAdapter,
  loadTrainableClassifier,
} from "../../../lib/models/trainable_classifier.ts";
import { RewardTrainer } from "../../../lib/preference/reward_trainer.ts";
import { loadLanguageModel } from "../../../lib/models/registry.ts";
import { PPOTrainer } from "../../../lib/rl/ppo_trainer.ts";
import {
  checkStepMemory,
  estimateRewardMemory,
  estimateStepMemory,
  type StepShape,
} from "../../../lib/runs/loading/memory.ts";
import { nllLoss } from "../../../lib/sft/nll_loss.ts";
import { forwardBackward } from "../../../lib/training/token_pass.ts";
import { responseRow } from "../../../lib/training/token_rows.ts";
import { deviceTest, gpuTest } from "../../device.ts";
import { randomPolicy } from "../../rl/demo_policy.ts";
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
    activationMemory: null,
  };
  const { used } = device.memory;
  const { training, cache, activations } = estimateStepMemory(policy, shape);
  const trainer = new PPOTrainer(policy, { batchSize: 4, miniBatchSize: 4, ppoEpochs: 1 });
  const base = device.memory.used;
  assert.ok(base - used >= training && base - used < 1.25 * training);

  const config = { maxNewTokens: shape.newTokens, minLength: 50, doSample: true };
  const sampled = await generate(model, queries, config, { ...policy, logprobs: true });
  assert.ok(device.memory.peak - base >= cache!);
  await trainer.step(queries, sampled.map(({ tokens }) => tokens), [1, 0, 2, 1], sampled);
  const peak = device.memory.peak - base;
  assert.ok(activations <= peak && activations > 0.8 * peak, `${activations} of ${peak}`);

  const limited = { ...shape, activationMemory: 1 / 1024 };
  assert.equal(estimateStepMemory(policy, limited).activations, 1024);
});

for (const family of ["t5", "llama", "gemma3"]) {
  deviceTest(`the estimate knows that groups share prompts: ${family}`, async (device) => {
    const [dir, layers] = family === "t5" ? [demoModelDir, ["q", "v"]] : [
      fileURLToPath(new URL(`../../golden_causal/cases/${family}/checkpoint`, import.meta.url)),
      ["q_proj", "v_proj"],
    ];
    const { model, adapter } = await randomPolicy(device, dir, layers);
    const prompts = [150, 90].map((length) => Array.from({ length }, (_, i) => 3 + i * 37 % 200));
    const shape = { promptTokens: [150, 90], responsesPerPrompt: 4, newTokens: 60, passRows: 4 };
    const { cache, activations } = model.estimateMemory(shape, adapter.maxRank);
    const separate = {
      ...shape,
      promptTokens: prompts.flatMap((p) => [p, p, p, p]).map((p) => p.length),
    };
    const { used } = device.memory;
    const config = { maxNewTokens: 60, minNewTokens: 60, numReturnSequences: 4, doSample: true };
    const generated = await generate(model, prompts, config, { adapter });
    assert.ok(device.memory.peak - used >= cache);
    const rows = generated.slice(0, 4).map(({ tokens }) => responseRow(model, prompts[0], tokens));
    const share = { tokens: 240, of: 240 };
    await forwardBackward({ model, adapter }, rows, nllLoss, {}, share).logprobs;
    const peak = device.memory.peak - used;
    assert.ok(activations <= peak && activations > 0.6 * peak, `${activations} of ${peak}`);
    // Rows that share nothing take much more.
    const apart = model.estimateMemory({ ...separate, responsesPerPrompt: 1 }, adapter.maxRank);
    assert.ok(apart.cache > 1.5 * cache && apart.activations > 1.5 * activations);
  });
}

Deno.test("what does not fit is one line, with the bytes", () => {
  const device = { memory: { used: 3 * 2 ** 30 }, memoryLimit: 2 ** 32 } as unknown as Device;
  const estimate = { training: 2 ** 20, cache: 2 ** 30, activations: 2 ** 29 };
  assert.throws(() => checkStepMemory(device, estimate), (error: Error) => {
    assert.ok(error instanceof OutOfMemoryError);
    assert.deepEqual([error.needed, error.available], [2 ** 32 + 2 ** 20, 2 ** 32]);
    return /^training needs at least 4.00 GiB \(3.00 GiB loaded, .*\), the device has 4.00 GiB: 1 MiB are missing$/
      .test(error.message);
  });
  assert.match(checkStepMemory(device, { ...estimate, cache: 0 }), /^memory: at least 3.50 GiB/);
  // A reward model has no reference, and generates nothing.
  assert.equal(
    checkStepMemory(device, { ...estimate, cache: null }),
    "memory: at least 3.50 GiB (3.00 GiB loaded, 1 MiB for the optimizer, 512 MiB of activations)",
  );
  const unknown = { ...device, memoryLimit: null } as unknown as Device;
  assert.match(checkStepMemory(unknown, estimate), /^memory: at least 4.00 GiB/);
});

deviceTest(
  "the estimate of a reward model's step is below what it takes, with any limit",
  async (device) => {
    const golden = (name: string) =>
      fileURLToPath(new URL(`../../golden_causal/cases/${name}/checkpoint`, import.meta.url));
    const pairs = [150, 90].map((length) => {
      const text = Array.from({ length }, (_, i) => 3 + i * 37 % 200);
      return { chosen: [...text, 1], rejected: [...text.toReversed(), 1] };
    });
    for (const dir of [demoModelDir, golden("llama")]) {
      const options = { labels: 1, seed: 0 };
      const lora = { r: 4, loraAlpha: 4, loraDropout: 0 };
      for (const activationMemory of [null, 1]) {
        for (const full of [true, false]) {
          const trained = full
            ? await loadTrainableClassifier(device, dir, options)
            : await loadClassifierAdapter(device, dir, lora, options);
          const { used } = device.memory;
          const { training, activations } = estimateRewardMemory(trained, 484);
          const trainer = new RewardTrainer(trained, { steps: 1, batchSize: 2, activationMemory });
          const base = device.memory.used;
          assert.ok(base - used >= training);
          await trainer.step(pairs);
          const peak = device.memory.peak - base;
          assert.ok(activations > 0 && activations <= peak, `${dir}: ${activations} of ${peak}`);
        }
      }
    }
  },
);

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
