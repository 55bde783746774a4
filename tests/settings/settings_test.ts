import assert from "node:assert/strict";
import { z } from "../../lib/packages/zod.ts";
import {
  allowedValues,
  formatNumber,
  parseSettings,
  settingInfo,
  withSettingNames,
} from "../../lib/settings/settings.ts";

const schema = z.strictObject({
  learningRate: z.number().positive().default(1e-4).describe("Peak learning rate"),
  miniBatchSize: z.int().positive().default(2).meta({ aliases: ["forwardBatchSize"] }),
  mode: z.enum(["a", "b"]).nullable().default(null),
});

Deno.test("a field's description, default, choices and other names are read", () => {
  const { learningRate, miniBatchSize, mode } = schema.shape;
  const { description, default: value } = settingInfo(learningRate);
  assert.deepEqual([description, value], ["Peak learning rate", 1e-4]);
  assert.deepEqual(settingInfo(miniBatchSize).aliases, ["forwardBatchSize"]);
  assert.deepEqual([settingInfo(mode).enum, settingInfo(mode).nullable], [["a", "b"], true]);
  assert.equal(allowedValues(settingInfo(mode)), "one of a, b, or none");
});

Deno.test("a choice of kinds is described by its first; values by name by the value", () => {
  const names = z.union([z.array(z.string()), z.string()]).nullable().default(null);
  assert.deepEqual([settingInfo(names).type, settingInfo(names).nullable], ["array", true]);
  const ranks = settingInfo(z.record(z.string(), z.int().positive()));
  assert.deepEqual([ranks.type, ranks.nullable], ["object", false]);
  assert.equal(allowedValues(ranks), "names, each with an integer above 0");
});

Deno.test("settings are read by any of their names, and keep how they were written", () => {
  const { settings, keys } = withSettingNames(schema, {
    forward_batch_size: 3,
    "learning-rate": 1,
  });
  assert.deepEqual(settings, { miniBatchSize: 3, learningRate: 1 });
  assert.deepEqual([...keys], [
    ["miniBatchSize", "forward_batch_size"],
    ["learningRate", "learning-rate"],
  ]);
  assert.deepEqual(parseSettings(schema, settings), { ...settings, mode: null });
});

const broken: [unknown, string | undefined, RegExp][] = [
  [{ learning_rate: 0 }, undefined, /^`learningRate` must be a number above 0, found 0$/],
  [{ learning_rate: 0 }, "a.yaml", /^a.yaml: learning_rate must be a number above 0, found 0$/],
  [{ mini_batch_size: 1, forwardBatchSize: 1 }, undefined, /^miniBatchSize is given twice, as /],
  [
    { learning_rat: 1 },
    undefined,
    /^there is no setting "learning_rat": did you mean learning_rate/,
  ],
  [{ zebra: 1 }, undefined, /^there is no setting "zebra"$/],
  [[1], undefined, /^expected settings by name, found \[1\]$/],
];
for (const [settings, source, expected] of broken) {
  Deno.test(`refused: ${JSON.stringify(settings)}${source ? ` of ${source}` : ""}`, () => {
    assert.throws(() => parseSettings(schema, settings, source), { message: expected });
  });
}

Deno.test("small numbers are written with an exponent", () => {
  const numbers = [0, 1.41e-5, -4e-4, 0.001, 0.05, 10000];
  assert.deepEqual(numbers.map(formatNumber), ["0", "1.41e-5", "-4e-4", "0.001", "0.05", "10000"]);
});
