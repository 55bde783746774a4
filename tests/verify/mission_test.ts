import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { verifyMission } from "../../lib/verify/mission.ts";
import { type KnownNumbers, NOTEBOOK_NUMBERS } from "../../lib/verify/mission_facts.ts";
import { demoModelDir, demoRewardDir } from "../demo_model.ts";
import { deviceTest, withDevice } from "../device.ts";
import { withTempDir } from "../temp_dir.ts";

const folders = {
  model: demoModelDir,
  classifier: demoRewardDir,
  dataset: fileURLToPath(new URL("../../demo/dialogues", import.meta.url)),
};

const [harmless, toxic] = NOTEBOOK_NUMBERS.texts;

/** The demo's numbers in the place of the notebook's. */
const DEMO_NUMBERS: KnownNumbers = {
  // 1600 dialogues of 200 to 1000 characters.
  rows: { train: 1280, test: 320 },
  // Rank 32 on q and v of 2 + 2 · 2 attentions of width 128: 6 · 2 · 32 · (128 + 128); and 128 + 1.
  parameters: { trainable: 98_304, all: 968_448 + 98_304, withValueHead: 98_433 },
  texts: [
    { ...harmless, logits: { nothate: 4.1461, hate: -3.96 }, toxicity: 0.000302 },
    { ...toxic, logits: { hate: 3.7874, nothate: -3.9659 }, toxicity: 0.999571 },
  ],
};

deviceTest("models and data of which the numbers are known hold", async (device) => {
  const options = { known: DEMO_NUMBERS, dtype: "f32" } as const;
  const results = await verifyMission(device, folders, options);
  assert.deepEqual(results.filter(({ passed }) => !passed), []);
  assert.deepEqual(results.map(({ name, detail }) => [name, detail]).slice(0, 7), [
    ["rows of the dataset", "1280 + 320 to train and test on"],
    ["parameters with an adapter", "98304 of 1066752 trainable"],
    ["parameters with a value head", "98433 trainable"],
    ["logits of the harmless text", "nothate 4.1461, hate -3.9600"],
    ["toxicity of the harmless text", "0.000302"],
    ["logits of the toxic text", "hate 3.7874, nothate -3.9659"],
    ["toxicity of the toxic text", "0.999571"],
  ]);
  const [step] = results.slice(7);
  assert.equal(step.name, "a PPO step");
  assert.match(step.detail, /^reward -?\d+\.\d{4}, ratio exactly 1 for \d+ tokens/);
});

Deno.test("a number that is off by a little fails its own check, and no other", () =>
  withDevice(async (device) => {
    const { rows, parameters, texts: [first, second] } = DEMO_NUMBERS;
    const off: KnownNumbers = {
      rows: { ...rows, test: 321 },
      parameters: { ...parameters, withValueHead: 98_432 },
      texts: [
        { ...first, logits: { ...first.logits, hate: -3.9603 } },
        { ...second, toxicity: 0.999551 },
      ],
    };
    const results = await verifyMission(device, folders, { known: off });
    const failed = results.filter(({ passed }) => !passed);
    assert.deepEqual(failed.map(({ name, detail }) => [name, detail]), [
      ["rows of the dataset", "1280 + 320 to train and test on, not 1280 + 321"],
      ["parameters with a value head", "98433 trainable, not 98432"],
      ["logits of the harmless text", "the logit of hate is -3.9600, not -3.9603"],
      ["toxicity of the toxic text", "the probability of hate is 0.999571, not 0.999551"],
    ]);
  }));

Deno.test("what does not load fails the checks that need it, and no other", () =>
  withTempDir((empty) =>
    withDevice(async (device) => {
      const options = { known: DEMO_NUMBERS };
      const results = await verifyMission(device, { ...folders, classifier: empty }, options);
      const failed = results.filter(({ passed }) => !passed);
      assert.deepEqual(failed.map(({ name }) => name), [
        "logits of the harmless text",
        "toxicity of the harmless text",
        "logits of the toxic text",
        "toxicity of the toxic text",
        "a PPO step",
      ]);
      for (const { detail } of failed) assert.match(detail, /is not a model.s folder/);
    })
  ));
