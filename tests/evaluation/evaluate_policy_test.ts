import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { evaluatePolicy } from "../../lib/evaluation/evaluate_policy.ts";
import type { TextGenerator } from "../../lib/evaluation/text_generator.ts";
import { FakeClassifier } from "../rewards/fake_classifier.ts";

/** Answers "stupid" to every third prompt of all that are asked, counting from the first. */
const policy: TextGenerator = (batch, firstRollout) =>
  Promise.resolve(batch.map((_, i) => (firstRollout + i) % 3 === 0 ? "stupid" : "fine"));
const prompts = Array.from({ length: 10 }, (_, i) => ({ query: `query ${i}`, inputIds: [i] }));

Deno.test("evaluatePolicy: exactly the first numSamples, as query + space + response", async () => {
  const classifier = new FakeClassifier();
  const result = await evaluatePolicy(policy, classifier, prompts, { numSamples: 4 });
  assert.deepEqual(classifier.batches.flat(), [
    "query 0 stupid",
    "query 1 fine",
    "query 2 fine",
    "query 3 stupid",
  ]);
  const rude = 1 / (1 + Math.exp(-6)), polite = 1 / (1 + Math.exp(4));
  assert.equal(result.count, 4);
  assert.equal(result.truncated, 0);
  assert.ok(Math.abs(result.mean - (rude + polite) / 2) < 1e-12);
  assert.ok(Math.abs(result.std - (rude - polite) / 2) < 1e-12);
  assert.ok(result.interval[0] <= result.mean && result.mean <= result.interval[1]);
  assert.deepEqual(
    result.samples.map(({ query, response }) => `${query} ${response}`),
    classifier.batches.flat(),
  );
  assert.ok(Math.abs(result.samples[1].toxicity - polite) < 1e-12);
});

Deno.test("evaluatePolicy: all the prompts by default, and batches change nothing", async () => {
  const whole = await evaluatePolicy(policy, new FakeClassifier(), prompts);
  assert.equal(whole.count, 10);
  const batched = await evaluatePolicy(policy, new FakeClassifier(), prompts, {
    generationBatchSize: 3,
    batchSize: 2,
  });
  assert.deepEqual(batched, whole);
});

Deno.test("evaluatePolicy: refuses more samples than prompts, or none", async () => {
  for (const numSamples of [11, 0, 2.5]) {
    await assert.rejects(
      evaluatePolicy(policy, new FakeClassifier(), prompts, { numSamples }),
      (error) =>
        error instanceof UserError && error.message.startsWith(`${numSamples} samples`) &&
        /there are 10 prompts/.test(error.message),
    );
  }
});

Deno.test("evaluatePolicy: another toxic label, and an unknown one before it generates", async () => {
  const { mean } = await evaluatePolicy(policy, new FakeClassifier(), prompts.slice(1, 2), {
    toxicLabel: "nothate",
  });
  assert.ok(mean < 0.01);
  const never: TextGenerator = () => assert.fail("generated for a label that does not exist");
  await assert.rejects(
    evaluatePolicy(never, new FakeClassifier(), prompts.slice(1, 2), { toxicLabel: "toxic" }),
    /nothate, hate/,
  );
});
