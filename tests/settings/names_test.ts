import assert from "node:assert/strict";
import { camelCase, inStyleOf, nearestName } from "../../lib/settings/names.ts";

Deno.test("names are changed from one style into another", () => {
  assert.equal(camelCase("learning_rate"), "learningRate");
  assert.equal(camelCase("init-kl-coef"), "initKlCoef");
  assert.equal(camelCase("seed"), "seed");
  assert.equal(inStyleOf("learningRate", "learning_rte"), "learning_rate");
  assert.equal(inStyleOf("learningRate", "learning-rte"), "learning-rate");
  assert.equal(inStyleOf("learningRate", "lr"), "learningRate");
});

Deno.test("the nearest name is that of an abbreviation, else the one with the fewest differences", () => {
  const known = ["learningRate", "initKlCoef", "batchSize", "ui"];
  assert.equal(nearestName("lr", known), "learningRate");
  assert.equal(nearestName("kl_coef", known), "initKlCoef");
  assert.equal(nearestName("--bs", ["--batch-size", "--ui"]), "--batch-size");
  assert.equal(nearestName("lerning_rate", known), "learningRate");
  assert.equal(nearestName("lr", ["ui"]), null);
  assert.equal(nearestName("epochs", ["epochs", "ppoEpochs"]), "epochs");
  assert.equal(nearestName("zebra", known), null);
});
