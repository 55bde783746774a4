import assert from "node:assert/strict";
import { TrainingDivergedError, UserError } from "../../lib/errors.ts";
import { generate } from "../../lib/generation/generate.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import type { PPOConfigInput } from "../../lib/rl/ppo_config.ts";
import { withDevice } from "../device.ts";
import { demoPolicy, randomBatch } from "./demo_policy.ts";

const config: PPOConfigInput = {
  batchSize: 4,
  miniBatchSize: 2,
  ppoEpochs: 2,
  learningRate: 1e-3,
  seed: 7,
};
const { queries, responses, scores } = randomBatch(4);

const TRL_NAMES = `
  objective/kl objective/kl_dist objective/logprobs objective/ref_logprobs objective/kl_coef
  objective/entropy ppo/mean_non_score_reward ppo/mean_scores ppo/std_scores ppo/learning_rate
  ppo/loss/policy ppo/loss/value ppo/loss/total ppo/policy/entropy ppo/policy/approxkl
  ppo/policy/policykl ppo/policy/clipfrac ppo/policy/advantages ppo/policy/advantages_mean
  ppo/policy/ratio ppo/returns/mean ppo/returns/var ppo/val/vpred ppo/val/error ppo/val/clipfrac
  ppo/val/mean ppo/val/var ppo/val/var_explained tokens/queries_len_mean tokens/queries_len_std
  tokens/queries_dist tokens/responses_len_mean tokens/responses_len_std tokens/responses_dist
  env/reward_mean env/reward_std env/reward_dist time/ppo/forward_pass time/ppo/compute_rewards
  time/ppo/optimize_step time/ppo/calc_stats time/ppo/total`.trim().split(/\s+/);

Deno.test("a step returns every statistic under TRL's name, and only those", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    const stats = await trainer.step(queries, responses, scores);
    assert.deepEqual(Object.keys(stats).sort(), TRL_NAMES.toSorted());
    for (const [name, value] of Object.entries(stats)) {
      const numbers = [value].flatMap((x) => typeof x === "number" ? [x] : [...x])
        .flatMap((x) => typeof x === "number" ? [x] : [...x]);
      assert.ok(numbers.length > 0 && numbers.every(Number.isFinite), name);
    }
  }));

Deno.test("the learning rate and the KL coefficient move from step to step", () =>
  withDevice(async (device) => {
    const settings = { lrScheduler: "linear", warmupSteps: 1, steps: 3, horizon: 40 } as const;
    const trainer = new PPOTrainer(await demoPolicy(device), { ...config, ...settings });
    const seen = [];
    for (let step = 0; step < 3; step++) {
      const stats = await trainer.step(queries, responses, scores);
      seen.push([stats["ppo/learning_rate"], stats["objective/kl_coef"]]);
    }
    const far = 1 - 0.2 * 4 / 40; // the KL is far below its target in every step
    assert.deepEqual(seen, [[0, 0.2], [1e-3, 0.2 * far], [0.5e-3, 0.2 * far * far]]);
    assert.equal(trainer.state().step, 3);
  }));

Deno.test("a resumed trainer goes on bit for bit, with shuffled minibatches and dropout", () =>
  withDevice(async (device) => {
    const settings = { ...config, policyDropout: true };
    const whole = new PPOTrainer(await demoPolicy(device), settings);
    await whole.step(queries, responses, scores);
    const saved = {
      state: JSON.parse(JSON.stringify(whole.state())),
      parameters: await whole.policy.parameters.values.read(),
      firstMoment: await whole.optimizer.firstMoment.read(),
      secondMoment: await whole.optimizer.secondMoment.read(),
      stepCount: whole.optimizer.stepCount,
    };
    const expected = await whole.step(queries, responses, scores);

    const resumed = new PPOTrainer(await demoPolicy(device), settings);
    resumed.setState(saved.state);
    resumed.policy.parameters.values.write(saved.parameters);
    resumed.optimizer.firstMoment.write(saved.firstMoment);
    resumed.optimizer.secondMoment.write(saved.secondMoment);
    resumed.optimizer.stepCount = saved.stepCount;
    const actual = await resumed.step(queries, responses, scores);
    for (const name of TRL_NAMES.filter((name) => !name.startsWith("time/"))) {
      assert.deepEqual(actual[name as "objective/kl"], expected[name as "objective/kl"], name);
    }
    assert.deepEqual(
      await resumed.policy.parameters.values.read(),
      await whole.policy.parameters.values.read(),
    );
  }));

Deno.test("a step on what generation reported equals one that computes it, bit for bit", () =>
  withDevice(async (device) => {
    const { model, adapter, valueHead } = await demoPolicy(device);
    const generated = await generate(
      model,
      queries,
      { maxNewTokens: 9, doSample: true, minLength: 4, temperature: 0.8, topK: 50, seed: 3 },
      { adapter, valueHead, logprobs: true },
    );
    const tokens = generated.map((row) => row.tokens);
    for (const compat of ["none", "trl-0.4"] as const) {
      const sequences = compat === "none" ? tokens : tokens.map((row) => [0, ...row]);
      const [computed, reported] = [
        new PPOTrainer(await demoPolicy(device), { ...config, compat }),
        new PPOTrainer(await demoPolicy(device), { ...config, compat }),
      ];
      const expected = await computed.step(queries, sequences, scores);
      const actual = await reported.step(queries, sequences, scores, generated);
      for (const name of TRL_NAMES.filter((name) => !name.startsWith("time/"))) {
        assert.deepEqual(actual[name as "objective/kl"], expected[name as "objective/kl"], name);
      }
      assert.deepEqual(
        await reported.policy.parameters.values.read(),
        await computed.policy.parameters.values.read(),
      );
      await assert.rejects(
        reported.step(queries, sequences, scores, [{ logprobs: null, values: null }]),
        /response 0 has \d+ tokens, but no logprobs and no values; generate it with/,
      );
    }
  }));

Deno.test("policy dropout is off unless asked for", () =>
  withDevice(async (device) => {
    const once = { ...config, ppoEpochs: 1, miniBatchSize: 4 };
    const ratio = async (policyDropout: boolean) => {
      const trainer = new PPOTrainer(await demoPolicy(device), { ...once, policyDropout });
      return (await trainer.step(queries, responses, scores))["ppo/policy/ratio"];
    };
    assert.ok((await ratio(false)).every((r) => r === 1));
    assert.ok((await ratio(true)).every((r) => r !== 1));
  }));

Deno.test("minibatches are shuffled by the seed", () =>
  withDevice(async (device) => {
    const advantages = async (seed: number) => {
      const trainer = new PPOTrainer(await demoPolicy(device), { ...config, ppoEpochs: 3, seed });
      return (await trainer.step(queries, responses, scores))["ppo/policy/advantages"];
    };
    const first = await advantages(1);
    assert.deepEqual(await advantages(1), first);
    assert.notDeepEqual(await advantages(2), first);
  }));

Deno.test("a loss that is not finite stops the training and leaves the parameters", () =>
  withDevice(async (device) => {
    const policy = await demoPolicy(device);
    const trainer = new PPOTrainer(policy, config);
    await trainer.step(queries, responses, scores);
    policy.parameters.write("v_head.summary.bias", Float32Array.of(NaN));
    const before = await policy.parameters.values.read();
    const state = trainer.state();
    await assert.rejects(
      trainer.step(queries, responses, scores),
      (error) =>
        error instanceof TrainingDivergedError && error instanceof UserError &&
        /^training diverged in PPO step 2: the policy loss is NaN/.test(error.message),
    );
    assert.deepEqual(await policy.parameters.values.read(), before);
    assert.equal(trainer.state().klCoef, state.klCoef);
  }));

Deno.test("a batch of the wrong size is refused with the numbers", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    await assert.rejects(
      trainer.step(queries, responses.slice(1), scores),
      /given 4 queries, 3 responses and 4 scores; expected 4 of each/,
    );
  }));

Deno.test("tokens beyond the vocabulary are refused by their row", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    const bad = responses.with(2, [5, 704, 1]);
    await assert.rejects(
      trainer.step(queries, bad, scores),
      /^UserError: response 2 has the token 704/,
    );
    await assert.rejects(trainer.step(queries.with(1, [-3]), responses, scores), /query 1 .* -3/);
  }));

Deno.test("steps of equal batches need no more memory, and dispose gives back the trainer's", () =>
  withDevice(async (device) => {
    const policy = await demoPolicy(device);
    const before = device.memory.used;
    const trainer = new PPOTrainer(policy, { ...config, shuffleMinibatches: false });
    const held = device.memory.used - before;
    await trainer.step(queries, responses, scores);
    const { used, peak } = device.memory; // the model keeps its tables of relative positions
    await trainer.step(queries, responses, scores);
    assert.deepEqual({ ...device.memory }, { used, peak });
    trainer.dispose();
    assert.equal(device.memory.used, used - held);
  }));

Deno.test("nothing is read after it was freed: with freed memory full of NaN a step is the same", () =>
  withDevice(async (device) => {
    const step = async (settings: PPOConfigInput) => {
      const policy = await demoPolicy(device);
      const trainer = new PPOTrainer(policy, { ...config, ...settings });
      const generated = await trainer.generate(queries, { maxNewTokens: 6, doSample: true });
      await trainer.step(queries, generated.map(({ tokens }) => tokens), scores, generated);
      const parameters = await policy.parameters.values.read();
      trainer.dispose();
      return parameters;
    };
    const free = device.free;
    for (const settings of [{}, { activationMemory: 0.1 }, { policyDropout: true }]) {
      const expected = await step(settings);
      assert.ok(expected.every(Number.isFinite));
      device.free = (buffer) => {
        device.write({ buffer, byteOffset: 0 }, new Uint8Array(buffer.byteLength).fill(0xff));
        free.call(device, buffer);
      };
      try {
        assert.deepEqual(await step(settings), expected);
      } finally {
        device.free = free;
      }
    }
  }));
