/** Decoder-only models under generation and PPO: ratio 1, files, and the same on every device. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openDevice } from "../../../lib/device/open.ts";
import { findAdapter } from "../../../lib/device/webgpu/adapter.ts";
import { toBf16 } from "../../../lib/formats/bf16.ts";
import { writeCheckpoint } from "../../../lib/formats/checkpoint.ts";
import type { TensorData } from "../../../lib/formats/tensor_file.ts";
import { generate } from "../../../lib/generation/generate.ts";
import { parseDecoderConfig } from "../../../lib/models/decoder/families.ts";
import { createPolicy, loadPolicy, savePolicy } from "../../../lib/models/policy.ts";
import { loadLanguageModel } from "../../../lib/models/registry.ts";
import { loadTrainableModel, saveTrainableModel } from "../../../lib/models/trainable.ts";
import { Random } from "../../../lib/random.ts";
import { PPOTrainer } from "../../../lib/rl/ppo_trainer.ts";
import { deviceTest, withDevice } from "../../device.ts";
import { withTempDir } from "../../temp_dir.ts";
import { TinyWeights } from "../tiny_weights.ts";
import { TINY_CONFIGS, tinyDecoder, tinyDecoderConfig } from "./tiny_decoder.ts";

const families = Object.keys(TINY_CONFIGS);
const LORA = { r: 2, loraAlpha: 4, loraDropout: 0, targetModules: "all-linear" };

const tokens = (seed: number, length: number) => {
  const random = new Random(seed);
  return Array.from({ length }, () => random.integer(2, 37));
};
const PROMPTS = [tokens(1, 1), tokens(2, 40), tokens(3, 7)];
const SAMPLING = { maxNewTokens: 12, minNewTokens: 2, doSample: true, seed: 5 };

/** Writes a folder of a tiny model in bf16, in two files. */
async function writeShards(folder: string, family: string): Promise<TinyWeights> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(TINY_CONFIGS[family]));
  const weights = new TinyWeights();
  await withDevice((device) => {
    tinyDecoder(device, parseDecoderConfig(TINY_CONFIGS[family], "config.json"), { weights });
    return Promise.resolve();
  });
  const tensors = new Map<string, TensorData>();
  for (const [name, values] of weights.values) {
    const shape = weights.shapes.get(name)!;
    tensors.set(name, { dtype: "BF16", shape, data: toBf16(Float32Array.from(values)) });
  }
  const names = [...tensors.keys()];
  const part = (name: string) => 2 * names.indexOf(name) < names.length ? 1 : 2;
  await writeCheckpoint(folder, tensors, (name) => `model-0000${part(name)}-of-00002.safetensors`);
  return weights;
}

for (const family of families) {
  deviceTest(`${family}: a PPO step's first ratios are 1, bit for bit`, async (device) => {
    const model = tinyDecoder(device, tinyDecoderConfig(family));
    const policy = createPolicy(model, LORA, 1);
    const trainer = new PPOTrainer(policy, {
      ...{ batchSize: 6, miniBatchSize: 6, ppoEpochs: 1, learningRate: 1e-2 },
    });
    for (let step = 0; step < 2; step++) {
      const generation = { ...SAMPLING, numReturnSequences: 2, seed: step };
      const rollouts = await trainer.generate(PROMPTS, generation);
      const queries = PROMPTS.flatMap((prompt) => [prompt, prompt]);
      const responses = rollouts.map(({ tokens }) => tokens);
      const scores = responses.map((_, i) => i % 3);
      const { "ppo/policy/ratio": ratio } = await trainer.step(
        queries,
        responses,
        scores,
        rollouts,
      );
      assert.deepEqual([...ratio], new Array(ratio.length).fill(1), `step ${step}`);
    }
  });

  Deno.test(`${family}: a sharded checkpoint in bf16 loads, and a policy on it is saved and loaded`, () =>
    withTempDir(async (dir) => {
      const weights = await writeShards(join(dir, "model"), family);
      await withDevice(async (device) => {
        const model = await loadLanguageModel(device, join(dir, "model"), { dtype: "bf16" });
        const count = weights.values.values().reduce((sum, { length }) => sum + length, 0);
        assert.equal(model.parameterCount, count);
        const policy = createPolicy(model, LORA, 1);
        const trainer = new PPOTrainer(policy, {
          batchSize: 3,
          miniBatchSize: 3,
          learningRate: 0.1,
        });
        const rollouts = await trainer.generate(PROMPTS, SAMPLING);
        await trainer.step(PROMPTS, rollouts.map(({ tokens }) => tokens), [1, 0, 2], rollouts);
        await savePolicy(policy, join(dir, "adapter"), "tiny");
        const loaded = await loadPolicy(model, join(dir, "adapter"), 0);
        const { adapter } = policy;
        const config = { ...SAMPLING, maxNewTokens: 20 };
        const trained = await generate(model, PROMPTS, config, { adapter, logprobs: true });
        const again = { adapter: loaded.adapter, logprobs: true };
        assert.deepEqual(await generate(model, PROMPTS, config, again), trained);
        assert.notDeepEqual(
          await generate(model, PROMPTS, config, { adapter: null, logprobs: true }),
          trained,
        );
      });
    }));

  Deno.test(`${family}: a model whose every weight is trained is saved under its own names`, () =>
    withTempDir(async (dir) => {
      const [source, target] = [join(dir, "model"), join(dir, "trained")];
      await writeShards(source, family);
      await withDevice(async (device) => {
        const trainable = await loadTrainableModel(device, source);
        const options = { logprobs: true };
        const expected = await generate(trainable.model, PROMPTS, SAMPLING, options);
        await saveTrainableModel(trainable, source, target);
        const saved = await loadLanguageModel(device, target);
        assert.equal(saved.parameterCount, trainable.parameters.count);
        const found = await generate(saved, PROMPTS, SAMPLING, options);
        const ids = (responses: typeof found) => responses.map(({ tokens }) => tokens);
        assert.deepEqual(ids(found), ids(expected));
      });
    }));
}

Deno.test({
  name: "decoders: the same tokens for a seed on both devices",
  ignore: !await findAdapter(),
  fn: async () => {
    const drawn = await Promise.all((["wasm", "webgpu"] as const).map(async (name) => {
      const device = await openDevice({ device: name, threads: 1 });
      try {
        const all: number[][][] = [];
        for (const family of families) {
          const model = tinyDecoder(device, tinyDecoderConfig(family));
          const responses = await generate(model, PROMPTS, SAMPLING);
          all.push(responses.map(({ tokens }) => tokens));
        }
        return all;
      } finally {
        device.close();
      }
    }));
    assert.deepEqual(drawn[0], drawn[1]);
  },
});
