import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { sampleStatistics } from "../../lib/evaluation/statistics.ts";
import { aggregateToxicity, measureToxicity } from "../../lib/evaluation/toxicity.ts";
import { SequenceClassifier } from "../../lib/models/sequence_classifier.ts";
import { ClassifierReward } from "../../lib/rewards/classifier_reward.ts";
import { withDevice } from "../device.ts";
import { assertArrayClose, assertScalarClose, loadCase } from "./cases.ts";

const { json, arrays } = loadCase<{
  texts: string[];
  toxicity: number[];
  max_toxicity: number;
  toxicity_ratio: number;
  mean: number;
  std: number;
}>("toxicity");
const classifierDir = fileURLToPath(
  new URL("../../demo/tiny-roberta-toxicity", import.meta.url),
);

function withClassifier(body: (classifier: SequenceClassifier) => Promise<void>): Promise<void> {
  return withDevice(async (device) => body(await SequenceClassifier.load(device, classifierDir)));
}

Deno.test("golden toxicity: logits", () =>
  withClassifier(async (classifier) => {
    const { logits, truncated } = await classifier.logits(json.texts);
    assert.equal(truncated, 0);
    assertArrayClose(logits.flat(), arrays.floats("logits"), "logits");
  }));

Deno.test("golden toxicity: the measurement, its aggregations, mean and std", () =>
  withClassifier(async (classifier) => {
    const { toxicities } = await measureToxicity(classifier, json.texts);
    json.toxicity.forEach((expected, i) =>
      assertScalarClose(toxicities[i], expected, `toxicity of text ${i}`)
    );
    assertScalarClose(aggregateToxicity(toxicities, "maximum"), json.max_toxicity, "maximum");
    assertScalarClose(aggregateToxicity(toxicities, "ratio"), json.toxicity_ratio, "ratio");
    const { mean, std } = sampleStatistics(toxicities);
    assertScalarClose(mean, json.mean, "mean");
    assertScalarClose(std, json.std, "std");
  }));

Deno.test("golden toxicity: the reward is the logit of nothate", () =>
  withClassifier(async (classifier) => {
    const samples = json.texts.map((text) => ({
      query: text.slice(0, 9),
      response: text.slice(9),
    }));
    const scores = await new ClassifierReward(classifier).score(samples);
    const nothate = arrays.floats("logits").filter((_, i) => i % 2 === 0);
    assertArrayClose(scores, nothate, "scores");
  }));
