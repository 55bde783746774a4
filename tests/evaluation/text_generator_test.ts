import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { generateInBatches } from "../../lib/evaluation/text_generator.ts";

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
