import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../lib/errors.ts";
import {
  ppoConfigOf,
  resolveTrainConfig,
  trainConfigSchema,
} from "../../../lib/runs/settings/config.ts";
import { DEMO_SETTINGS } from "../../../lib/runs/settings/demo.ts";
import { resolvePPOConfig } from "../../../lib/rl/ppo_config.ts";
import { settingInfo } from "../../../lib/settings/settings.ts";

const DEMO_MODULE = new URL("../../../lib/runs/settings/demo.ts", import.meta.url).href;

Deno.test("without a model the demo's settings rank between defaults and input", () => {
  const config = resolveTrainConfig({ steps: 3 });
  assert.equal(config.learningRate, DEMO_SETTINGS.learningRate);
  assert.equal(config.steps, 3);
  assert.equal(config.gamma, 1);
});

Deno.test("from an adapter, the demo takes the notebook's learning rate; its own is for a new one", () => {
  const config = resolveTrainConfig({ adapter: "runs/sft/adapter" });
  assert.equal(config.learningRate, 1.41e-5);
  assert.equal(config.ppoEpochs, DEMO_SETTINGS.ppoEpochs);
  const given = resolveTrainConfig({ adapter: "runs/sft/adapter", learningRate: 1e-4 });
  assert.equal(given.learningRate, 1e-4);
  assert.equal(resolveTrainConfig({ adapter: null }).learningRate, DEMO_SETTINGS.learningRate);
});

Deno.test("with another model the defaults are the notebook's", () => {
  const config = resolveTrainConfig({ model: "flan-t5-base" });
  assert.equal(config.learningRate, 1.41e-5);
  assert.deepEqual(
    [config.steps, config.batchSize, config.miniBatchSize, config.ppoEpochs],
    [10, 16, 4, 1],
  );
  assert.deepEqual([config.loraR, config.targetModules], [32, null]);
});

Deno.test("a resolved configuration resolves to itself", () => {
  const config = resolveTrainConfig({ seed: 7, maxGradNorm: 1 });
  assert.deepEqual(resolveTrainConfig(JSON.parse(JSON.stringify(config))), config);
});

Deno.test("every setting has a description", () => {
  for (const [name, field] of Object.entries(trainConfigSchema.shape)) {
    assert.ok(settingInfo(field).description, name);
  }
});

Deno.test("ppoConfigOf hands over PPO's settings and nothing else", () => {
  const config = resolveTrainConfig({ steps: 5, cliprange: 0.1, seed: 3 });
  assert.deepEqual(Object.keys(ppoConfigOf(config)).sort(), Object.keys(resolvePPOConfig()).sort());
  assert.equal(ppoConfigOf(config).cliprange, 0.1);
  assert.equal(ppoConfigOf(config).seed, 3);
});

const impossible: [Record<string, unknown>, RegExp][] = [
  [{ steps: 0 }, /^`steps` must be an integer above 0, found 0$/],
  [{ learningRate: "fast" }, /^`learningRate` must be a number above 0, found "fast"$/],
  [{ dtype: "f16" }, /^`dtype` must be one of f32, bf16, found "f16"$/],
  [{ topP: 1.5 }, /^`topP` must be a number above 0 and at most 1, found 1.5$/],
  [{ maxGradNorm: -1 }, /^`maxGradNorm` must be a number above 0, or none, found -1$/],
  [{ learning_rte: 1 }, /^there is no setting "learning_rte": did you mean learning_rate\?$/],
  [{ zzz: 1 }, /^there is no setting "zzz"$/],
  [{ batchSize: 10 }, /`batchSize` 10 is not divisible/],
  [
    { inputMinTextLength: 1000 },
    /`inputMinTextLength` 1000 must be below `inputMaxTextLength` 1000$/,
  ],
  [
    { outputMinLength: 50, outputMaxLength: 50 },
    /`outputMinLength` 50 must be below `outputMaxLength` 50$/,
  ],
  [{ prompt: "Summarize" }, /has no {dialogue}/],
  [{ rewardWeights: [1, 2] }, /2 numbers for 1 reward:/],
];
for (const [input, expected] of impossible) {
  Deno.test(`impossible: ${JSON.stringify(input)}`, () => {
    assert.throws(() => resolveTrainConfig(input), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, expected);
      return true;
    });
  });
}

Deno.test("resolveAsset finds the bundled demo from any folder, and leaves other paths", async () => {
  const code = `import { resolveAsset } from ${JSON.stringify(DEMO_MODULE)};
    const path = await resolveAsset("demo/tiny-flan-t5");
    console.log(Deno.statSync(path).isDirectory, await resolveAsset("demos/x"));`;
  // A process of its own, as the working folder is the whole process's.
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", fileURLToPath(new URL("../../../deno.json", import.meta.url)), code],
    cwd: "/",
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.deepEqual([text(stdout), text(stderr)], ["true demos/x\n", ""]);
});
