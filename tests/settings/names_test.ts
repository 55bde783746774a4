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
  assert.equal(nearestName("foo", ["log"]), null);
  assert.equal(nearestName("lgo", ["log", "foo"]), null);
  assert.equal(nearestName("logs", ["log", "foo"]), "log");
});

Deno.test("a beginning stands for the whole name where there is one with it", () => {
  const known = ["--temperature", "--top-p", "--batch-size", "--lora-r", "--lora-alpha"];
  assert.equal(nearestName("--temp", known), "--temperature");
  assert.equal(nearestName("--batch", known), "--batch-size");
  assert.notEqual(nearestName("--lora", known), "--lora-alpha");
  assert.equal(nearestName("--t", known), null);
});

Deno.test("names that other libraries use", () => {
  assert.equal(nearestName("--kl-coef", ["--beta", "--steps"]), "--beta");
  assert.equal(nearestName("per_device_train_batch_size", ["batchSize", "steps"]), "batchSize");
  assert.equal(nearestName("--group-size", ["--num-generations"]), "--num-generations");
  assert.equal(nearestName("--save-steps", ["--save-every", "--steps"]), "--save-every");
  assert.equal(nearestName("-h", ["--help", "--host"]), "--help");
  assert.equal(
    nearestName("--max-new-tokens", ["--min-new-tokens", "--max-completion-length"]),
    "--max-completion-length",
  );
  assert.equal(nearestName("--max-completion-length", ["--max-new-tokens"]), "--max-new-tokens");
  assert.equal(nearestName("--reward-model", ["--reward-mode", "--reward"]), "--reward");
  assert.equal(nearestName("reward_funcs", ["reward", "seed"]), "reward");
  assert.equal(nearestName("--model-name-or-path", ["--model", "--name"]), "--model");
  assert.equal(nearestName("--dataset-name", ["--dataset-cache", "--dataset"]), "--dataset");
  assert.equal(nearestName("lora_target_modules", ["targetModules", "loraR"]), "targetModules");
});
