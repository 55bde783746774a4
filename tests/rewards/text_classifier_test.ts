import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { classify, labelIndex, probabilities, softmax } from "../../lib/rewards/text_classifier.ts";
import { FakeClassifier } from "./fake_classifier.ts";

Deno.test("labelIndex: finds a label by name, else lists what there is", () => {
  const classifier = new FakeClassifier();
  assert.equal(labelIndex(classifier, "hate", "toxic"), 1);
  assert.throws(
    () => labelIndex(classifier, "toxicity", "toxic"),
    (error) => error instanceof UserError && /"toxicity".*nothate, hate/.test(error.message),
  );
});

Deno.test("classify: batches cover all texts in order, and truncations add up", async () => {
  const classifier = new FakeClassifier();
  const texts = ["a", "stupid", "b", "x".repeat(41), "stupid ".repeat(9)];
  const { logits, truncated } = await classify(classifier, texts, 2);
  assert.deepEqual(classifier.batches, [["a", "stupid"], ["b", texts[3]], [texts[4]]]);
  assert.deepEqual(logits, [[2, -2], [-3, 3], [2, -2], [2, -2], [-3, 3]]);
  assert.equal(truncated, 2);
});

Deno.test("classify: sixteen at a time by default, and nothing for no texts", async () => {
  const classifier = new FakeClassifier();
  await classify(classifier, new Array(33).fill("a"));
  assert.deepEqual(classifier.batches.map((batch) => batch.length), [16, 16, 1]);
  assert.deepEqual(await classify(classifier, []), { logits: [], truncated: 0 });
});

Deno.test("softmax: probabilities, for large logits too", () => {
  const [p, q] = softmax([Math.log(3), 0]);
  assert.ok(Math.abs(p - 0.75) < 1e-12 && Math.abs(q - 0.25) < 1e-12);
  assert.deepEqual(softmax([1000, 0]), [1, 0]);
});

Deno.test("probabilities: as transformers' pipeline, by the classifier's problem", () => {
  const close = (values: number[], expected: number[]) =>
    values.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-4, `${values}`));
  const [labels, logits] = [["toxic", "obscene"], [-6.4596, 0]];
  close(probabilities({ labels }, logits), [0.00156, 0.99844]);
  const single = "single_label_classification";
  close(probabilities({ labels, problemType: single }, logits), [0.00156, 0.99844]);
  const multi = "multi_label_classification";
  close(probabilities({ labels, problemType: multi }, logits), [0.00156, 0.5]);
  assert.deepEqual(probabilities({ labels, problemType: "regression" }, logits), logits);
  for (const problemType of [undefined, null, single, multi] as const) {
    close(probabilities({ labels: ["toxic"], problemType }, [2]), [0.8808]);
  }
  assert.deepEqual(probabilities({ labels: ["toxic"], problemType: "regression" }, [2]), [2]);
  assert.deepEqual(probabilities({ labels: ["toxic"] }, [-1000]), [0]);
});
