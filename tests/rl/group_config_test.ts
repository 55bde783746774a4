import assert from "node:assert/strict";
import { resolveGRPOConfig } from "../../lib/rl/grpo_config.ts";
import { resolveRLOOConfig } from "../../lib/rl/rloo_config.ts";
import { resolveGrpoRunConfig } from "../../lib/runs/settings/group_config.ts";

for (const resolve of [resolveGRPOConfig, resolveRLOOConfig]) {
  Deno.test(`${resolve.name}: TRL's names of the batch's sizes lead to a batch`, () => {
    const sizes = { per_device_train_batch_size: 4, num_generations: 2 };
    const ofPasses = resolve({ steps: 1, ...sizes, steps_per_generation: 3 } as never);
    assert.equal(ofPasses.batchSize, 12);
    assert.equal(resolve(ofPasses).batchSize, 12, "as a run's config.json has it");
    assert.equal(resolve({ steps: 1, steps_per_generation: 3 }).batchSize, 24);
    const whole = resolve({ steps: 1, ...sizes, generation_batch_size: 12 } as never);
    assert.deepEqual(whole, { ...ofPasses, stepsPerGeneration: null });
  });

  Deno.test(`${resolve.name}: a batch that its passes do not make up is refused`, () => {
    assert.throws(
      () => resolve({ steps: 1, batchSize: 64, stepsPerGeneration: 4 }),
      /`batchSize` 64 is not `stepsPerGeneration` 4 × `miniBatchSize` 8 = 32: leave out/,
    );
    assert.throws(
      () => resolve({ steps: 1, stepsPerGeneration: 4, miniBatchSize: "8" } as never),
      /`miniBatchSize` must be an integer/,
    );
    assert.throws(
      () => resolve({ steps: 1, stepsPerGeneration: 0 }),
      /`stepsPerGeneration` must be an integer/,
    );
  });
}

Deno.test("the demo's batch has the passes that are asked for", () => {
  const { batchSize, miniBatchSize } = resolveGrpoRunConfig({ stepsPerGeneration: 2 });
  assert.deepEqual([batchSize, miniBatchSize], [256, 128]);
  assert.equal(resolveGrpoRunConfig({}).batchSize, 128);
  const own = resolveGrpoRunConfig({ model: "m", stepsPerGeneration: 2 });
  assert.equal(own.batchSize, 16);
  assert.deepEqual(resolveGrpoRunConfig(own), own);
});
