import assert from "node:assert/strict";
import {
  groupStepProducts,
  pairStepProducts,
  stepProducts,
  textPairProducts,
  timeProducts,
} from "../../bench/products.ts";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { parseEncoderConfig } from "../../lib/models/encoder_config.ts";
import { RandomSource } from "../../lib/models/random_weights.ts";
import { parseT5Config } from "../../lib/models/t5/config.ts";
import { T5ForConditionalGeneration } from "../../lib/models/t5/t5.ts";
import { FrozenStore } from "../../lib/models/weight_store.ts";

const T5 = parseT5Config({
  model_type: "t5",
  feed_forward_proj: "gated-gelu",
  tie_word_embeddings: false,
  ...{ vocab_size: 100, d_model: 16, d_kv: 4, num_heads: 4, d_ff: 32, num_layers: 1 },
}, "test");
const CLASSIFIER = parseEncoderConfig({
  model_type: "roberta",
  ...{ vocab_size: 50, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2 },
  intermediate_size: 16,
}, "test");

Deno.test("stepProducts: the multiply-adds of a step, by hand", async () => {
  const device = await WasmDevice.create({ threads: 1 });
  const store = new FrozenStore(device, new RandomSource(1), "f32");
  const model = new T5ForConditionalGeneration(device, T5, store);
  device.close();
  const products = stepProducts(model, CLASSIFIER, { batch: 4, mini: 2, prompt: 10, new: 3 });
  const work = products.reduce((sum, { m, n, k, count }) => sum + m * n * k * count, 0);
  const encoder = 4 * 16 * 16 + 3 * 16 * 32; // a token of the encoder
  const crossKeys = 2 * 16 * 16; // and its keys and values for the decoder
  const decoder = 6 * 16 * 16 + 3 * 16 * 32 + 100 * 16; // a token of the decoder, with its logits
  const scoredKeys = 2 * 8 * 8; // keys and values of a token in a layer of the classifier
  const scored = 2 * 8 * 8 + 2 * 8 * 16; // and the rest of the layer
  // Generating, the reference, forward and backward: four passes over everything.
  const passes = 4 * 4 * (10 * (encoder + crossKeys) + 3 * decoder);
  // Generation has encoded the first minibatch's two prompts.
  const spared = 2 * 10 * (encoder + crossKeys);
  // Of the classifier's second and last layer only the first tokens are wanted.
  const scoring = 4 * 13 * (2 * scoredKeys + scored) + 4 * scored;
  assert.equal(work, passes - spared + scoring);
});

Deno.test("groupStepProducts: prompts are read once for all their responses", () => {
  const shape = { inFeatures: 10, outFeatures: 10, tokens: "both" as const };
  const linearModules = ["a", "b"].map((name) => ({ name, ...shape }));
  const model = { linearModules, vocabSize: 100, hiddenSize: 10 };
  const sizes = { prompts: 2, responses: 4, prompt: 16, new: 3 };
  const products = groupStepProducts(model, sizes);
  const work = products.reduce((sum, { m, n, k, count }) => sum + m * n * k * count, 0);
  // Generating, the reference, forward and backward; the forward pass goes on from generation's.
  assert.equal(work, 3 * 2 * 16 * 200 + 4 * 8 * 3 * (200 + 1000));
  // A token of each row meets two different weights of the one shape, and the head.
  const step = products.filter(({ m }) => m === 8);
  assert.deepEqual(step.map(({ n, count, weights }) => [n, count, weights]), [
    [10, 3 * 2, 2],
    [100, 3, 1],
  ]);
});

Deno.test("products of a step on pairs: prompts are read once for both answers, whole texts twice", () => {
  const linearModules = [{ name: "a", inFeatures: 10, outFeatures: 20, tokens: "both" as const }];
  const model = { linearModules, vocabSize: 100, hiddenSize: 10 };
  const sizes = { prompts: 2, prompt: 16, new: 3 };
  const workOf = (products: ReturnType<typeof pairStepProducts>) =>
    products.reduce((sum, { m, n, k, count }) => sum + m * n * k * count, 0);
  // The reference, forward and backward.
  assert.equal(workOf(pairStepProducts(model, sizes)), 3 * (2 * 16 * 200 + 4 * 3 * (200 + 1000)));
  // Forward and backward, without the head of a language model.
  assert.equal(workOf(textPairProducts(model, sizes)), 2 * 4 * 19 * 200);
});

Deno.test("timeProducts: takes time, leaves no memory behind", async () => {
  const device = await WasmDevice.create({ threads: 1 });
  const { used } = device.memory;
  assert.ok(timeProducts(device, [{ m: 3, n: 20, k: 5, count: 2, weights: 2 }], "bf16") > 0);
  assert.equal(device.memory.used, used);
  device.close();
});
