import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { UserError } from "../../lib/errors.ts";
import {
  generateInBatches,
  textGenerator,
  unlessAborted,
} from "../../lib/evaluation/text_generator.ts";
import { createPolicy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { Tokenizer } from "../../lib/data/tokenizer.ts";
import { withDevice } from "../device.ts";

const prompts = Array.from({ length: 10 }, (_, i) => ({ query: `query ${i}`, inputIds: [i] }));

Deno.test("generateInBatches: numbers the rollouts and reports progress", async () => {
  const calls: [number, number][] = [];
  const progress: [number, number][] = [];
  const responses = await generateInBatches(
    (batch, first) => {
      calls.push([batch.length, first]);
      return Promise.resolve(batch.map(({ query }) => query.toUpperCase()));
    },
    prompts,
    { generationBatchSize: 4, onProgress: (done, total) => progress.push([done, total]) },
  );
  assert.deepEqual(responses, prompts.map(({ query }) => query.toUpperCase()));
  assert.deepEqual(calls, [[4, 0], [4, 4], [2, 8]]);
  assert.deepEqual(progress, [[4, 10], [8, 10], [10, 10]]);
});

Deno.test("generateInBatches: a policy that loses a response is stopped", async () => {
  await assert.rejects(
    generateInBatches((batch) => Promise.resolve(Array(batch.length - 1).fill("")), prompts),
    (error) => error instanceof UserError && /9 responses to 10 prompts/.test(error.message),
  );
});

Deno.test("textGenerator: seeded texts without special tokens, however they are batched", () =>
  withDevice(async (device) => {
    const folder = fileURLToPath(new URL("../../demo/tiny-flan-t5", import.meta.url));
    const model = await loadLanguageModel(device, folder);
    const tokenizer = await Tokenizer.load(folder);
    const prompts = ["Frank: How was the flight?", "Nancy: It was long.", "Summary:"]
      .map((query) => ({ query, inputIds: tokenizer.encode(query) }));
    const config = { maxNewTokens: 12, doSample: true, seed: 3 };
    const base = textGenerator(model, tokenizer, config, null);

    const together = await generateInBatches(base, prompts);
    assert.equal(together.length, 3);
    for (const text of together) assert.doesNotMatch(text, /<\/s>|<pad>/);
    assert.deepEqual(await generateInBatches(base, prompts, { generationBatchSize: 1 }), together);

    const other = textGenerator(model, tokenizer, { ...config, seed: 4 }, null);
    assert.notDeepEqual(await generateInBatches(other, prompts), together);

    const lora = { r: 4, loraAlpha: 64, loraDropout: 0, targetModules: ["q", "v"] };
    const { adapter, parameters } = createPolicy(model, lora, 0);
    const adapted = textGenerator(model, tokenizer, config, adapter);
    assert.deepEqual(await generateInBatches(adapted, prompts), together);
    for (const name of parameters.names) {
      parameters.write(name, new Float32Array(parameters.get(name).length).fill(0.1));
    }
    assert.notDeepEqual(await generateInBatches(adapted, prompts), together);
  }));

Deno.test("unlessAborted: answers until the signal aborts, then throws its reason", async () => {
  const stop = new AbortController();
  const generate = unlessAborted((batch) => Promise.resolve(batch.map(() => "a")), stop.signal);
  assert.deepEqual(await generate(prompts.slice(0, 2), 0), ["a", "a"]);
  stop.abort(new Error("enough"));
  await assert.rejects(generate(prompts, 0), /^Error: enough$/);
});
