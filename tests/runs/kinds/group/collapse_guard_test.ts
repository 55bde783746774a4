import assert from "node:assert/strict";
import { TrainingDivergedError } from "../../../../lib/errors.ts";
import { createAdapter } from "../../../../lib/models/policy.ts";
import { GRPOTrainer } from "../../../../lib/rl/grpo_trainer.ts";
import { checkMoved, movedBy } from "../../../../lib/runs/kinds/group/collapse_guard.ts";
import { demoPolicy } from "../../../rl/demo_policy.ts";
import { withDevice } from "../../../device.ts";

Deno.test("a policy that has not moved is at 0 exactly, at any temperature", () =>
  withDevice(async (device) => {
    const { model } = await demoPolicy(device);
    const lora = { r: 4, loraAlpha: 8, loraDropout: 0 };
    const adapter = createAdapter(model, lora, 0);
    const temperature = 0.7;
    const trainer = new GRPOTrainer({ model, adapter }, {
      steps: 1,
      batchSize: 4,
      numGenerations: 2,
      miniBatchSize: 4,
      maxCompletionLength: 5,
      temperature,
    });
    const prompts = [[20, 7, 31, 1], [5, 6, 1]];
    const rollouts = await trainer.generate(prompts);
    const queries = prompts.flatMap((prompt) => [prompt, prompt]);
    assert.equal(await movedBy({ model, adapter, temperature }, queries, rollouts), 0);
    assert.notEqual(await movedBy({ model, adapter }, queries, rollouts), 0);
    trainer.dispose();
  }));

Deno.test("checkMoved names the setting; what is not finite has collapsed as well", () => {
  checkMoved(2, 2.9, 3);
  for (const moved of [3.1, NaN, Infinity]) {
    assert.throws(() => checkMoved(2, moved, 3), (error: Error) => {
      assert.ok(error instanceof TrainingDivergedError);
      assert.match(error.message, /step 2 moved it by (3\.10|NaN|Infinity) .*`maxTokenKl` is 3/);
      return true;
    });
  }
});
