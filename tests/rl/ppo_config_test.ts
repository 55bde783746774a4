import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { ppoConfigSchema, resolvePPOConfig } from "../../lib/rl/ppo_config.ts";

Deno.test("defaults are those of TRL's PPOConfig", () => {
  const config = resolvePPOConfig();
  assert.deepEqual(
    {
      steps: config.steps,
      learningRate: config.learningRate,
      adapKlCtrl: config.adapKlCtrl,
      initKlCoef: config.initKlCoef,
      target: config.target,
      horizon: config.horizon,
      gamma: config.gamma,
      lam: config.lam,
      cliprange: config.cliprange,
      cliprangeValue: config.cliprangeValue,
      vfCoef: config.vfCoef,
      batchSize: config.batchSize,
      miniBatchSize: config.miniBatchSize,
      gradientAccumulationSteps: config.gradientAccumulationSteps,
      ppoEpochs: config.ppoEpochs,
      maxGradNorm: config.maxGradNorm,
      seed: config.seed,
      earlyStopping: config.earlyStopping,
      targetKl: config.targetKl,
    },
    {
      steps: 20000,
      learningRate: 1e-5,
      adapKlCtrl: true,
      initKlCoef: 0.2,
      target: 6,
      horizon: 10000,
      gamma: 1,
      lam: 0.95,
      cliprange: 0.2,
      cliprangeValue: 0.2,
      vfCoef: 0.1,
      batchSize: 256,
      miniBatchSize: 1,
      gradientAccumulationSteps: 1,
      ppoEpochs: 4,
      maxGradNorm: null,
      seed: 0,
      earlyStopping: false,
      targetKl: 0.1,
    },
  );
  assert.equal(config.reference, "initial");
  assert.equal(config.compat, "none");
});

Deno.test("every setting is described", () => {
  for (const [name, field] of Object.entries(ppoConfigSchema.shape)) {
    assert.ok(field.description, `${name} has no description`);
  }
});

Deno.test("a batch must divide into accumulated minibatches", () => {
  assert.throws(
    () => resolvePPOConfig({ batchSize: 16, miniBatchSize: 3, gradientAccumulationSteps: 2 }),
    (error) =>
      error instanceof UserError &&
      /^`batchSize` 16 .* 3 × 2 = 6: make it 12 or 18$/.test(error.message),
  );
  assert.throws(
    () => resolvePPOConfig({ batchSize: 2, miniBatchSize: 4 }),
    /`batchSize` 2 .* 4 × 1 = 4: make it 4$/,
  );
});

Deno.test("impossible settings are named", () => {
  assert.throws(
    () => resolvePPOConfig({ gamma: 1.5 }),
    /^UserError: `gamma` must be a number of at least 0 and at most 1, found 1.5$/,
  );
  assert.throws(
    () => resolvePPOConfig({ batch_size: 0 }),
    /^UserError: `batchSize` must be an integer above 0, found 0$/,
  );
  assert.throws(
    () => resolvePPOConfig({ steps: 5, warmupSteps: 6 }),
    /`warmupSteps` 6 .* `steps` 5/,
  );
  assert.throws(
    () => resolvePPOConfig({ learningrate: 1 } as Record<string, number>),
    /^UserError: there is no setting "learningrate": did you mean learningRate\?$/,
  );
});

Deno.test("settings may be given by TRL's names", () => {
  const config = resolvePPOConfig({ learning_rate: 1, forward_batch_size: 2, batch_size: 4 });
  assert.deepEqual([config.learningRate, config.miniBatchSize, config.batchSize], [1, 2, 4]);
  assert.throws(
    () => resolvePPOConfig({ learning_rate: 1, learningRate: 1 }),
    /^UserError: learningRate is given twice, as learning_rate and learningRate$/,
  );
});
