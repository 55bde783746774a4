import assert from "node:assert/strict";
import { join } from "node:path";
import { generate } from "../../lib/generation/generate.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import { T5ForConditionalGeneration } from "../../lib/models/t5.ts";
import { deviceTest } from "../device.ts";
import { goldenDir, loadCase, modelDir } from "./cases.ts";

interface Generate {
  prompts: number[][];
  max_new_tokens: number;
  greedy: number[][];
  greedy_min_length_12: number[][];
}

for (const [name, minLength] of [["greedy", 0], ["greedy_min_length_12", 12]] as const) {
  deviceTest(`golden generate: ${name}`, async (device) => {
    const { json } = loadCase<Generate>("generate");
    const model = await T5ForConditionalGeneration.load(device, modelDir);
    const adapter = await loadAdapter(model, join(goldenDir, "adapter"));
    const config = { maxNewTokens: json.max_new_tokens, minLength };
    const { decoderStartTokenId, eosTokenId } = model.config;
    const together = await generate(model, json.prompts, config, { adapter });
    json[name].forEach((expected, i) => {
      // The stack pads rows that stopped before the longest.
      const end = expected.indexOf(eosTokenId);
      const response = end < 0 ? expected : expected.slice(0, end + 1);
      assert.deepEqual([decoderStartTokenId, ...together[i].tokens], response, `prompt ${i}`);
    });
  });
}
