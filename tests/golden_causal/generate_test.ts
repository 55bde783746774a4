/** Greedy tokens of each family, and what the processors make of logits. */
import assert from "node:assert/strict";
import { generate } from "../../lib/generation/generate.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { deviceTest } from "../device.ts";
import { families, familyCase, familyFolder, withConfig } from "./families.ts";

interface Generate {
  prompts: number[][];
  max_new_tokens: number;
  eos_token_id: number[];
  greedy: number[][];
  greedy_min_new_tokens_12: number[][];
  greedy_repetition_penalty?: number[][];
  without_end: number[][];
}

for (const family of families) {
  const { json } = familyCase<Generate>(family, "generate");
  for (const [name, eos] of [["greedy", json.eos_token_id], ["without_end", null]] as const) {
    deviceTest(`golden ${family} generate: ${name}`, async (device) => {
      const folder = familyFolder(family, "checkpoint");
      const files = await withConfig(folder, { eos_token_id: eos });
      const model = await loadLanguageModel(device, files);
      const adapter = await loadAdapter(model, familyFolder(family, "adapter"));
      const config = { maxNewTokens: json.max_new_tokens };
      const together = await generate(model, json.prompts, config, { adapter });
      assert.deepEqual(together.map(({ tokens }) => tokens), json[name]);
    });
  }
}
