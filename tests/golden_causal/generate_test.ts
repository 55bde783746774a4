/** Greedy tokens of each family, and what the processors make of logits. */
import assert from "node:assert/strict";
import { sample, tokenSet } from "../../kernels/sample/sample.ts";
import type { Device } from "../../lib/device/device.ts";
import { generate } from "../../lib/generation/generate.ts";
import { loadAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { assertArrayClose, type GoldenArrays } from "../golden/cases.ts";
import { families, familyCase, familyFolder, withConfig } from "./families.ts";

interface Generate {
  prompts: number[][];
  max_new_tokens: number;
  eos_token_id: number[];
  greedy: number[][];
  greedy_min_new_tokens_12: number[][];
  greedy_repetition_penalty?: number[][];
  without_end: number[][];
  processors?: Processors;
}

interface Processors {
  prompt_length: number;
  generated_so_far: number;
  min_new_tokens: number;
  temperature: number;
  top_k: number;
  top_p: number;
  min_p: number;
  repetition_penalty: number;
  all: { min_new_tokens: number; temperature: number; top_k: number; top_p: number };
}

for (const family of families) {
  const { json, arrays } = familyCase<Generate>(family, "generate");
  const settings = {
    greedy: {},
    greedy_min_new_tokens_12: { minNewTokens: 12 },
    greedy_repetition_penalty: { repetitionPenalty: 1.3 },
    without_end: {},
  };
  for (const [name, setting] of Object.entries(settings)) {
    const expected = json[name as keyof typeof settings];
    if (!expected) continue;
    deviceTest(`golden ${family} generate: ${name}`, async (device) => {
      const ends = { eos_token_id: name === "without_end" ? null : json.eos_token_id };
      const files = await withConfig(familyFolder(family, "checkpoint"), ends);
      const model = await loadLanguageModel(device, files);
      const adapter = await loadAdapter(model, familyFolder(family, "adapter"));
      const config = { maxNewTokens: json.max_new_tokens, ...setting };
      const together = await generate(model, json.prompts, config, { adapter });
      assert.deepEqual(together.map(({ tokens }) => tokens), expected);
    });
  }

  if (json.processors) {
    const { processors } = json;
    deviceTest(`golden ${family} generate: probabilities after the processors`, async (device) => {
      await assertProcessors(device, processors, json.eos_token_id, arrays);
    });
  }
}

async function assertProcessors(
  device: Device,
  processors: Processors,
  ends: readonly number[],
  arrays: GoldenArrays,
): Promise<void> {
  const { min_new_tokens, temperature, top_k, top_p, min_p, repetition_penalty, all } = processors;
  const off = { minLength: 0, temperature: 1, topK: 0, topP: 1, minP: 0, penalty: 1 };
  const settings = {
    min_new_tokens: { ...off, minLength: min_new_tokens },
    temperature: { ...off, temperature },
    top_k: { ...off, topK: top_k },
    top_p: { ...off, topP: top_p },
    min_p: { ...off, minP: min_p },
    repetition_penalty: { ...off, penalty: repetition_penalty },
    all: {
      minLength: all.min_new_tokens,
      temperature: all.temperature,
      topK: all.top_k,
      topP: all.top_p,
      penalty: 1,
    },
  };
  const [rows, vocabulary] = arrays.shape("logits");
  const [, read] = arrays.shape("input_ids");
  const ids = arrays.ints("input_ids");
  const cx = new Context(device);
  const same = (value: number) => cx.from(new Int32Array(rows).fill(value));
  for (const [name, { minLength, penalty, ...sampling }] of Object.entries(settings)) {
    const words = Array.from(
      { length: rows },
      (_, row) => [...tokenSet([...ids.subarray(row * read, (row + 1) * read)], vocabulary)],
    );
    const seen = cx.from(Int32Array.from(words.flat()));
    const input = {
      logits: cx.from(arrays.floats("logits")),
      rows,
      vocabulary,
      positions: same(processors.generated_so_far),
      ends: cx.from(tokenSet(ends, vocabulary)),
      minLength,
      repetition: penalty === 1
        ? null
        : { penalty, seen, rows: cx.from(Int32Array.from(words.keys())) },
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
}
