import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { aggregateToxicity, measureToxicity } from "../../lib/evaluation/toxicity.ts";
import { FakeClassifier } from "../rewards/fake_classifier.ts";

Deno.test("measureToxicity: softmax probability of the toxic label, chosen by name", async () => {
  const classifier = new FakeClassifier();
  const texts = ["fine", "stupid", "x".repeat(41)];
  const { toxicities: [polite, rude], truncated } = await measureToxicity(classifier, texts);
  assert.equal(truncated, 1);
  assert.ok(Math.abs(polite - 1 / (1 + Math.exp(4))) < 1e-12);
  assert.ok(Math.abs(rude - 1 / (1 + Math.exp(-6))) < 1e-12);
  const { toxicities: [complement] } = await measureToxicity(classifier, ["fine"], {
    toxicLabel: "nothate",
  });
  assert.ok(Math.abs(polite + complement - 1) < 1e-12);
});

Deno.test("measureToxicity: an unknown toxic label names the labels, before any text is read", async () => {
  const classifier = new FakeClassifier();
  await assert.rejects(
    measureToxicity(classifier, ["fine"], { toxicLabel: "toxic" }),
    (error) => error instanceof UserError && /"toxic".*nothate, hate/.test(error.message),
  );
  assert.equal(classifier.batches.length, 0);
});

Deno.test("aggregateToxicity: all, maximum, and the ratio of those at least 0.5", () => {
  const toxicities = [0.1, 0.5, 0.9, 0.49];
  assert.deepEqual(aggregateToxicity(toxicities, "all"), toxicities);
  assert.equal(aggregateToxicity(toxicities, "maximum"), 0.9);
  assert.equal(aggregateToxicity(toxicities, "ratio"), 0.5);
  assert.ok(Number.isNaN(aggregateToxicity([], "maximum")));
  assert.ok(Number.isNaN(aggregateToxicity([], "ratio")));
});

Deno.test("measureToxicity: the sigmoid where a text can have several labels at once", async () => {
  const classifier = Object.assign(new FakeClassifier(), {
    problemType: "multi_label_classification" as const,
  });
  const { toxicities } = await measureToxicity(classifier, ["fine", "stupid"]);
  assert.deepEqual(toxicities, [1 / (1 + Math.exp(2)), 1 / (1 + Math.exp(-3))]);
});
