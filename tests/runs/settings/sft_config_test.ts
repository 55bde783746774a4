import assert from "node:assert/strict";
import { settingInfo } from "../../../lib/settings/settings.ts";
import {
  resolveSftConfig,
  sftConfigOf,
  sftRunConfigSchema,
} from "../../../lib/runs/settings/sft_config.ts";

Deno.test("steps are those of whole epochs, unless they are given", () => {
  const config = resolveSftConfig({ epochs: 3, batchSize: 4, gradientAccumulationSteps: 2 });
  assert.equal(sftConfigOf(config, 100).steps, 36);
  assert.equal(sftConfigOf({ ...config, steps: 5 }, 100).steps, 5);
});

Deno.test("the learning rate is 1e-3 for an adapter and 1e-5 for all weights, unless it is given", () => {
  const rate = (input: object) => sftConfigOf(resolveSftConfig(input), 100).learningRate;
  assert.equal(rate({}), 1e-3);
  assert.equal(rate({ full: true }), 1e-5);
  assert.equal(rate({ full: true, learningRate: 0.5 }), 0.5);
});

Deno.test("every setting has a description, and a resolved configuration resolves to itself", () => {
  for (const [name, field] of Object.entries(sftRunConfigSchema.shape)) {
    assert.ok(settingInfo(field).description, name);
  }
  const config = resolveSftConfig({ seed: 7 });
  assert.deepEqual(resolveSftConfig(JSON.parse(JSON.stringify(config))), config);
});
