import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { ClassifierReward } from "../../lib/rewards/classifier_reward.ts";
import { FakeClassifier } from "./fake_classifier.ts";

const samples = [
  { query: "Summary:", response: "All is well." },
  { query: "Summary:", response: "It was stupid." },
];

Deno.test("ClassifierReward: the raw logit of nothate on query + response", async () => {
  const classifier = new FakeClassifier();
  const { score } = new ClassifierReward(classifier);
  assert.deepEqual(await score(samples), [2, -3]);
  assert.deepEqual(classifier.batches, [["Summary:All is well.", "Summary:It was stupid."]]);
});

Deno.test("ClassifierReward: selects the label by name, wherever it stands", async () => {
  const swapped = new FakeClassifier();
  swapped.labels.reverse();
  assert.deepEqual(await new ClassifierReward(swapped).score(samples), [-2, 3]);
  const hate = new ClassifierReward(new FakeClassifier(), { label: "hate" });
  assert.deepEqual(await hate.score(samples), [-2, 3]);
});

Deno.test("ClassifierReward: the only label of a reward model needs no name", async () => {
  const model = {
    labels: ["LABEL_0"],
    maxLength: 9,
    logits: (texts: readonly string[]) =>
      Promise.resolve({ logits: texts.map((text) => [text.length]), truncated: 0 }),
  };
  const lengths = samples.map(({ query, response }) => query.length + response.length);
  assert.deepEqual(await new ClassifierReward(model).score(samples), lengths);
  assert.deepEqual(await new ClassifierReward(model, { label: null }).score(samples), lengths);
  const [first] = await new ClassifierReward(model, { softmax: true }).score(samples);
  assert.equal(first, 1 / (1 + Math.exp(-lengths[0])));
  assert.throws(() => new ClassifierReward(model, { label: "nothate" }), /one of .*: LABEL_0/);
});

Deno.test("ClassifierReward: softmax on request", async () => {
  const scores = await new ClassifierReward(new FakeClassifier(), { softmax: true }).score(samples);
  assert.ok(Math.abs(scores[0] - 1 / (1 + Math.exp(-4))) < 1e-12);
  assert.ok(Math.abs(scores[1] - 1 / (1 + Math.exp(6))) < 1e-12);
});

Deno.test("ClassifierReward: probabilities are those of the classifier's problem", async () => {
  const several = Object.assign(new FakeClassifier(), {
    problemType: "multi_label_classification" as const,
  });
  const scores = await new ClassifierReward(several, { softmax: true }).score(samples);
  assert.deepEqual(scores, [1 / (1 + Math.exp(-2)), 1 / (1 + Math.exp(3))]);
  const amount = Object.assign(new FakeClassifier(), { problemType: "regression" as const });
  assert.deepEqual(await new ClassifierReward(amount, { softmax: true }).score(samples), [2, -3]);
});

Deno.test("ClassifierReward: an unknown label lists the labels", () => {
  assert.throws(
    () => new ClassifierReward(new FakeClassifier(), { label: "nice" }),
    (error) => error instanceof UserError && /"nice".*nothate, hate/.test(error.message),
  );
});

Deno.test("ClassifierReward: counts what was cut over the whole run", async () => {
  const reward = new ClassifierReward(new FakeClassifier(), { batchSize: 1 });
  await reward.score(samples);
  assert.equal(reward.truncationNotice(), null);
  const long = { query: "Summary:", response: "x".repeat(40) };
  await reward.score([long, samples[0]]);
  await reward.score([long]);
  assert.match(reward.truncationNotice()!, /^2 of 5 texts.* 40 tokens/);
});
