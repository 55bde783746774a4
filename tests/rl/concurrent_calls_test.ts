import assert from "node:assert/strict";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import { withDevice } from "../device.ts";
import { demoPolicy, randomBatch } from "./demo_policy.ts";

const { queries } = randomBatch(4);
const scores = [1, -1, 0.5, 2];
const sampling = { maxNewTokens: 9, minLength: 4, doSample: true, seed: 3 };
const config = { batchSize: 4, miniBatchSize: 2, learningRate: 1e-2, seed: 5 };

Deno.test("calls of generate that overlap give what each gives alone", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    const alone = Array.from(await trainer.generate(queries, sampling));
    for (let round = 0; round < 4; round++) {
      const calls = [1, 2, 3].map(() => trainer.generate(queries, sampling));
      for (const rollouts of await Promise.all(calls)) {
        assert.deepEqual(Array.from(rollouts), alone);
      }
    }
    // The last one to return keeps its pass over the prompts, and a step frees it.
    await trainer.step(queries, alone.map(({ tokens }) => tokens), scores, alone);
    const { used } = device.memory;
    await trainer.step(queries, alone.map(({ tokens }) => tokens), scores);
    assert.equal(device.memory.used, used);
  }));

Deno.test("a step during generate, and either during a step, is refused and changes nothing", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    const rollouts = await trainer.generate(queries, sampling);
    const responses = rollouts.map(({ tokens }) => tokens);
    const step = () => trainer.step(queries, responses, scores, rollouts);
    const before = await trainer.parameters.values.read();

    const generating = trainer.generate(queries, sampling);
    await assert.rejects(step(), {
      name: "UserError",
      message: "step was called while generate is running: await that first",
    });
    await generating;
    assert.deepEqual(await trainer.parameters.values.read(), before);

    const stepping = step();
    await assert.rejects(step(), /^UserError: step was called while another step is running/);
    await assert.rejects(
      trainer.generate(queries, sampling),
      /^UserError: generate was called while a step is running: await the step first$/,
    );
    await stepping;
    assert.equal(trainer.stepsDone, 1);
  }));

Deno.test("rollouts of a policy that has been updated since are refused as old logprobs", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    const rollouts = await trainer.generate(queries, sampling);
    const responses = rollouts.map(({ tokens }) => tokens);
    await trainer.step(queries, responses, scores, rollouts);
    const after = await trainer.parameters.values.read();
    const stale = /^UserError: response 0 was generated before the policy was updated: /;
    // As they are, in part, and copied.
    for (const sampled of [rollouts, rollouts.slice(), rollouts.map((row) => ({ ...row }))]) {
      await assert.rejects(trainer.step(queries, responses, scores, sampled), stale);
    }
    assert.deepEqual(await trainer.parameters.values.read(), after);
    assert.equal(trainer.stepsDone, 1);
    // Left out, the logprobs are computed.
    const stats = await trainer.step(queries, responses, scores);
    assert.ok(Math.abs(stats["ppo/policy/approxkl"]) < 1);
  }));
