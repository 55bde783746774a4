import assert from "node:assert/strict";
import { sample, tokenSet } from "../../kernels/sample/sample.ts";
import { generate } from "../../lib/generation/generate.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { join } from "../../lib/platform/paths.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, goldenDir, loadCase, modelDir } from "./cases.ts";

interface Processors {
  min_length: number;
  temperature: number;
  top_k: number;
  top_p: number;
}

interface Generate {
  processors: Processors & { all: Processors; generated_so_far: number };
  prompts: number[][];
  max_new_tokens: number;
  greedy: number[][];
  greedy_min_length_12: number[][];
}

for (const [name, minLength] of [["greedy", 0], ["greedy_min_length_12", 12]] as const) {
  deviceTest(`golden generate: ${name}`, async (device) => {
    const { json } = loadCase<Generate>("generate");
    const model = await loadLanguageModel(device, modelDir);
    const adapter = await loadAdapter(model, join(goldenDir, "adapter"));
    const config = { maxNewTokens: json.max_new_tokens, minLength };
    const [eosTokenId] = model.eosTokenIds;
    const together = await generate(model, json.prompts, config, { adapter });
    json[name].forEach((expected, i) => {
      // The stack pads rows that stopped before the longest.
      const end = expected.indexOf(eosTokenId);
      const response = end < 0 ? expected : expected.slice(0, end + 1);
      assert.deepEqual(
        [model.firstInput(json.prompts[i]), ...together[i].tokens],
        response,
        `prompt ${i}`,
      );
    });
  });
}

deviceTest("golden generate: probabilities after the processors", async (device) => {
  const { json: { processors }, arrays } = loadCase<Generate>("generate");
  const [rows, vocabulary] = arrays.shape("logits");
  const { min_length, temperature, top_k, top_p, all } = processors;
  const off = { minLength: 0, temperature: 1, topK: 0, topP: 1 };
  const settings = {
    min_length: { ...off, minLength: min_length },
    temperature: { ...off, temperature },
    top_k: { ...off, topK: top_k },
    top_p: { ...off, topP: top_p },
    all: {
      minLength: all.min_length,
      temperature: all.temperature,
      topK: all.top_k,
      topP: all.top_p,
    },
  };
  const { eosTokenIds } = await loadLanguageModel(device, modelDir);
  const cx = new Context(device);
  const same = (value: number) => cx.from(new Int32Array(rows).fill(value));
  for (const [name, { minLength, ...sampling }] of Object.entries(settings)) {
    const input = {
      logits: cx.from(arrays.floats("logits")),
      rows,
      vocabulary,
      positions: same(processors.generated_so_far),
      ends: cx.from(tokenSet(eosTokenIds, vocabulary)),
      minLength,
      repetition: null,
    };
    const probabilities = cx.empty([rows, vocabulary]);
    const options = { ...sampling, rollouts: same(0), seed: 0 };
    sample(device, input, options, cx.empty([rows], "i32"), { probabilities });
    const actual = await probabilities.read();
    const expected = arrays.floats(`probs.${name}`);
    assertArrayClose(actual, expected, name);
    // The processors must leave the very same tokens.
    const kept = (p: Float32Array) => [...p.keys()].filter((i) => p[i] > 0);
    assert.deepEqual(kept(actual), kept(expected), name);
  }
  cx.release();
});
