import assert from "node:assert/strict";
import { TrainingDivergedError } from "../../../lib/errors.ts";
import { createAdapter } from "../../../lib/models/policy.ts";
import { GRPOTrainer } from "../../../lib/rl/grpo_trainer.ts";
import { likelihoodGuard, likelihoods, someOf } from "../../../lib/runs/kinds/collapse_guard.ts";
import { mean } from "../../../lib/training/moments.ts";
import { responseRow } from "../../../lib/training/token_rows.ts";
import { demoPolicy } from "../../rl/demo_policy.ts";
import { withDevice } from "../../device.ts";

/** A guard over numbers that each step changes by what it is told to. */
function guarded(numbers: number[]) {
  const guard = likelihoodGuard("policy", 3);
  let [step, reads] = [0, 0];
  return {
    reads: () => reads,
    step: (change: number[] | number, learningRate = 1) =>
      guard.watch(
        ++step,
        learningRate,
        {
          now() {
            reads++;
            return Promise.resolve([...numbers]);
          },
        },
        () => {
          numbers = numbers.map((value, i) =>
            value + (typeof change === "number" ? change : change[i])
          );
          return Promise.resolve(step);
        },
      ),
  };
}

Deno.test("a step is beyond the bound by its median response; what is not finite has collapsed too", async () => {
  // A step may rightly make a bad response very unlikely.
  assert.equal(await guarded([-1, -1, -1]).step([-50, 0.1, -2.9]), 1);
  for (const change of [[-3.1, -3.1, 0], [NaN, 0, 0], [-Infinity, -Infinity, 0]]) {
    await assert.rejects(guarded([-1, -1, -1]).step(change), (error: Error) => {
      assert.ok(error instanceof TrainingDivergedError);
      assert.match(
        error.message,
        Number.isFinite(change[0])
          ? /collapsed: step 1 moved it by 3\.10 nats a token, `maxTokenKl` is 3: /
          : /collapsed: step 1 left it without finite log-probabilities: /,
      );
      return true;
    });
  }
});

Deno.test("a step that moves little vouches for the next ones, at most at its learning rate", async () => {
  const { step, reads } = guarded([-1, -1]);
  for (let i = 0; i < 16; i++) await step(-0.01);
  assert.equal(reads(), 2);
  await step(-0.01);
  assert.equal(reads(), 4);
  await step(-0.01, 0.5);
  assert.equal(reads(), 4);
  await step(-0.01, 2);
  assert.equal(reads(), 6);
});

Deno.test("a step that moves much, or nothing, vouches for none", async () => {
  for (const change of [-0.4, 0, [-0.01, 0.4]]) {
    const { step, reads } = guarded([-1, -1]);
    await step(change);
    await assert.rejects(step(-9), /collapsed: step 2/);
    assert.equal(reads(), 4);
  }
});

Deno.test("a step without anything to compare is made, and vouches for none", async () => {
  const { step, reads } = guarded([]);
  await step([]);
  await step([]);
  assert.equal(reads(), 2);
});

Deno.test("someOf spreads what it takes over all rows", () => {
  assert.deepEqual(someOf([1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(someOf([...Array(24).keys()]), [0, 3, 6, 9, 12, 15, 18, 21]);
});

Deno.test("the likelihood of responses is that of the policy that drew them, bit for bit", () =>
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
    const rows = rollouts.map(({ tokens }, i) => responseRow(model, prompts[i >> 1], tokens));
    assert.deepEqual(
      await likelihoods({ model, adapter, temperature }, rows),
      rollouts.map(({ logprobs }) => mean(logprobs!)),
    );
    assert.deepEqual(await likelihoods({ model, adapter }, []), []);
    trainer.dispose();
  }));
