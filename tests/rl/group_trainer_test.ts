import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { TrainingDivergedError, UserError } from "../../lib/errors.ts";
import { createAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import type { GRPOConfigInput } from "../../lib/rl/grpo_config.ts";
import { GRPOTrainer } from "../../lib/rl/grpo_trainer.ts";
import { RLOOTrainer } from "../../lib/rl/rloo_trainer.ts";
import type { Rollouts } from "../../lib/rl/rollouts.ts";
import { predict } from "../../lib/training/token_pass.ts";
import { responseRow } from "../../lib/training/token_rows.ts";
import { demoModelDir } from "../demo_model.ts";
import { deviceTest, withDevice } from "../device.ts";
import { demoPolicy } from "./demo_policy.ts";

const PROMPTS = [[5, 9, 31, 1], [12, 7, 1]];
const base: GRPOConfigInput = {
  steps: 10,
  batchSize: 8,
  miniBatchSize: 4,
  numGenerations: 4,
  maxCompletionLength: 6,
  learningRate: 1e-3,
  temperature: 0.7,
  seed: 3,
};

/** Each rollout's prompt. */
const promptsOf = (rollouts: Rollouts) =>
  rollouts.map((_, row) => PROMPTS[Math.floor(row / (rollouts.length / PROMPTS.length))]);
const tokensOf = (rollouts: Rollouts) => rollouts.map(({ tokens }) => tokens);
/** Share of even tokens: a reward that differs within a group. */
const even = (rollouts: Rollouts) =>
  tokensOf(rollouts).map((tokens) => tokens.filter((t) => t % 2 === 0).length / tokens.length);

async function grpo(device: Device, config: Partial<GRPOConfigInput> = {}) {
  return new GRPOTrainer(await demoPolicy(device), { ...base, ...config });
}

async function run(trainer: GRPOTrainer | RLOOTrainer, seed: number) {
  const rollouts = await trainer.generate(PROMPTS, { seed });
  const rewards = { even: even(rollouts) };
  return trainer.step(promptsOf(rollouts), tokensOf(rollouts), rewards, rollouts);
}

deviceTest(
  "generated log-probabilities are those of a pass at the temperature, bit for bit",
  async (device) => {
    const trainer = await grpo(device);
    const rollouts = await trainer.generate(PROMPTS, { seed: 1 });
    assert.equal(rollouts.length, 8);
    const { model, adapter } = trainer.policy;
    const rows = rollouts.map(({ tokens }, i) =>
      responseRow(model, promptsOf(rollouts)[i], tokens)
    );
    const predicted = await predict({ model, adapter, temperature: 0.7 }, rows);
    rollouts.forEach(({ logprobs }, row) =>
      assert.deepEqual(Float32Array.from(logprobs!), predicted[row].logprobs)
    );
  },
);

deviceTest(
  "before the first update the ratio is exactly 1: nothing is clipped, however narrow the range",
  async (device) => {
    const trainer = await grpo(device, { epsilon: 1e-9, gradientAccumulationSteps: null });
    const { metrics } = await run(trainer, 1);
    assert.equal(metrics["clip_ratio/region_mean"], 0);
    assert.ok(metrics.grad_norm > 0);
  },
);

for (const Algorithm of [GRPOTrainer, RLOOTrainer]) {
  for (const miniBatchSize of [8, 2]) {
    deviceTest(
      `${Algorithm.name}: prompts that generation has read change nothing, passes of ${miniBatchSize}`,
      async (device) => {
        const train = async (how: "keeps" | "reads again" | "reads ahead" | "compares ahead") => {
          const trainer = new Algorithm(await demoPolicy(device), {
            ...base,
            miniBatchSize,
            beta: 0.1,
            gradientAccumulationSteps: 1,
          });
          const metrics = [];
          for (const seed of [1, 2]) {
            const rollouts = await trainer.generate(PROMPTS, { seed });
            assert.ok(rollouts.promptPass);
            if (how.startsWith("reads")) rollouts.release();
            if (how === "reads ahead") await trainer.readAhead(promptsOf(rollouts));
            const rewards = { even: even(rollouts) };
            const prompts = promptsOf(rollouts);
            if (how === "compares ahead") {
              await trainer.compareAhead(prompts, tokensOf(rollouts));
            }
            const stats = await trainer.step(prompts, tokensOf(rollouts), rewards, rollouts);
            assert.equal(rollouts.promptPass, null);
            metrics.push(stats.metrics);
          }
          trainer.dispose();
          return { metrics, parameters: await trainer.parameters.values.read() };
        };
        const expected = await train("keeps");
        assert.deepEqual(await train("reads again"), expected);
        assert.deepEqual(await train("reads ahead"), expected);
        assert.deepEqual(await train("compares ahead"), expected);
      },
    );
  }
}

Deno.test("a step does not compare what was compared ahead, but all others", () =>
  withDevice(async (device) => {
    assert.ok(device.kind === "wasm");
    const trainer = await grpo(device, { beta: 0.1, miniBatchSize: 8, syncRefModel: true });
    const passes = async (change: (token: number) => number, meanwhile = () => {}) => {
      const rollouts = await trainer.generate(PROMPTS, { seed: 1 });
      const prompts = promptsOf(rollouts);
      const others = tokensOf(rollouts).map(([first, ...rest]) => [change(first), ...rest]);
      await trainer.compareAhead(prompts, others);
      meanwhile();
      const { run } = device;
      let embedded = 0;
      device.run = (launched, ...rest) => {
        if (launched.name === "embedding") embedded++;
        run.call(device, launched, ...rest);
      };
      await trainer.step(prompts, tokensOf(rollouts), { even: even(rollouts) }, rollouts);
      device.run = run;
      return embedded;
    };
    // The decoder of the update; and the encoder and the decoder of the reference.
    assert.equal(await passes((token) => token), 1);
    assert.equal(await passes((token) => token + 1), 3);
    const { parameters } = trainer.reference!;
    const [name] = parameters.names;
    const another = () => parameters.write(name, new Float32Array(parameters.get(name).length));
    assert.equal(await passes((token) => token, another), 3);
  }, "wasm"));

Deno.test("nothing is compared ahead without a reference, or while a step is running", () =>
  withDevice(async (device) => {
    const trainer = await grpo(device, { beta: 0.1 });
    const rollouts = await trainer.generate(PROMPTS, { seed: 1 });
    const [prompts, tokens] = [promptsOf(rollouts), tokensOf(rollouts)];
    const step = trainer.step(prompts, tokens, { even: even(rollouts) }, rollouts);
    await assert.rejects(trainer.compareAhead(prompts, tokens), /another step is running/);
    await step;
    await assert.rejects(trainer.compareAhead(prompts.slice(1), tokens), /was given 7 prompts/);
    const without = await grpo(device, { beta: 0 });
    await without.compareAhead([], []);
  }, "wasm"));

/** Responses of different lengths, six tokens in every two, so that bnpo's passes weigh alike. */
const UNEQUAL = [
  ...[[1], [8, 9, 40, 7, 1], [9, 1], [12, 40, 8, 1]],
  ...[[10, 7, 12, 1], [9, 1], [8, 12, 33, 10, 1], [1]],
];
const divisible = {
  ...Object.fromEntries(
    (["grpo", "bnpo", "dr_grpo", "dapo"] as const).map((lossType) => [
      lossType,
      (device: Device, config: Partial<GRPOConfigInput>) => grpo(device, { ...config, lossType }),
    ]),
  ),
  RLOO: async (device: Device, config: Partial<GRPOConfigInput>) =>
    new RLOOTrainer(await demoPolicy(device), { ...base, ...config }),
};
for (const [name, make] of Object.entries(divisible)) {
  Deno.test(`${name}: a step does not depend on how it is divided into passes`, () =>
    withDevice(async (device) => {
      const step = async (miniBatchSize: number) => {
        const trainer = await make(device, { miniBatchSize, beta: 0.1, shuffleMinibatches: false });
        const prompts = UNEQUAL.map((_, row) => PROMPTS[Math.floor(row / 4)]);
        const rewards = { first: [1, 0, 5, 0, 3, 1, 0, 2] };
        return (await trainer.step(prompts, UNEQUAL, rewards)).metrics;
      };
      const whole = await step(8);
      assert.ok(whole.grad_norm > 0.01, `${whole.grad_norm}`);
      for (const miniBatchSize of [4, 2]) {
        const divided = await step(miniBatchSize);
        for (const metric of ["loss", "grad_norm"]) {
          const error = Math.abs(whole[metric] - divided[metric]);
          const told = `${metric} ${whole[metric]}, in passes of ${miniBatchSize} ${
            divided[metric]
          }`;
          assert.ok(error <= 1e-5 * (1 + Math.abs(whole[metric])), told);
        }
      }
    }));
}

for (const Algorithm of [GRPOTrainer, RLOOTrainer]) {
  deviceTest(`${Algorithm.name} goes on from a state bit for bit`, async (device) => {
    const config = { ...base, beta: 0.1, numIterations: 2, gradientAccumulationSteps: 1 };
    const make = async () => new Algorithm(await demoPolicy(device), config);
    const first = await make();
    await run(first, 1);
    const second = await make();
    second.parameters.copyFrom(first.parameters);
    for (const moment of ["firstMoment", "secondMoment"] as const) {
      second.optimizer[moment].write(await first.optimizer[moment].read());
    }
    second.optimizer.stepCount = first.optimizer.stepCount;
    second.setState(JSON.parse(JSON.stringify(first.state())));
    const [a, b] = [await run(first, 2), await run(second, 2)];
    assert.deepEqual(a, b);
    assert.deepEqual(await first.parameters.values.read(), await second.parameters.values.read());
  });

  Deno.test(`${Algorithm.name} learns what is rewarded`, () =>
    withDevice(async (device) => {
      const model = await loadLanguageModel(device, demoModelDir);
      const lora = { r: 8, loraAlpha: 16, loraDropout: 0, targetModules: ["q", "v"] };
      const policy = { model, adapter: createAdapter(model, lora, 1) };
      const trainer = new Algorithm(policy, {
        ...base,
        steps: 12,
        batchSize: 16,
        numGenerations: 8,
        miniBatchSize: 16,
        learningRate: 1e-2,
        lrScheduler: "constant",
        temperature: 1,
        beta: 0,
      });
      const rewards: number[] = [];
      for (let step = 1; step <= 12; step++) {
        rewards.push((await run(trainer, step)).metrics["rewards/even/mean"]);
      }
      const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
      assert.ok(mean(rewards.slice(-3)) > mean(rewards.slice(0, 3)) + 0.1, `${rewards}`);
    }));
}

Deno.test("a masked rollout has no gradient; one that no reward judged is in no group", () =>
  withDevice(async (device) => {
    const step = async (masked: number[], unjudged: number[]) => {
      const trainer = await grpo(device, {
        ...{ miniBatchSize: 8, maskTruncatedCompletions: true, beta: 0.1 },
        gradientAccumulationSteps: 1,
        shuffleMinibatches: false,
      });
      const completions = [[8, 1], [9, 1], masked, [12, 1], unjudged, [9, 1], [10, 1], [12, 1]];
      const prompts = completions.map((_, row) => PROMPTS[Math.floor(row / 4)]);
      const stats = await trainer.step(prompts, completions, {
        first: [1, 0, 5, 0, null, 1, 0, 2],
      });
      return { ...stats, trained: await trainer.parameters.values.read() };
    };
    const { metrics, advantages, trained } = await step([10, 11], [8, 1]);
    assert.equal(advantages[4], 0);
    assert.equal(metrics["rewards/first/mean"], 9 / 7);
    assert.equal(metrics["completions/clipped_ratio"], 1 / 8);
    assert.ok(Math.abs(metrics.reward - (6 / 4 + 1) / 2) < 1e-12);
    // Other tokens in these two change nothing of what is trained; where they count, they do.
    assert.ok(metrics.grad_norm > 0 && advantages[2] > 0);
    assert.deepEqual((await step([33, 47], [21, 1])).trained, trained);
    assert.notDeepEqual((await step([33, 1], [8, 1])).trained, trained);
  }));

Deno.test("an example that a batch has twice is two groups", () =>
  withDevice(async (device) => {
    const trainer = await grpo(device, { miniBatchSize: 8, scaleRewards: "none" });
    const completions = [[8, 1], [9, 1], [10, 11], [12, 1], [8, 1], [9, 1], [10, 1], [12, 1]];
    const prompts = completions.map(() => PROMPTS[0]);
    const { advantages } = await trainer.step(prompts, completions, {
      answer: [1, 0, 0, 0, 5, 5, 5, 9],
    });
    assert.deepEqual([...advantages], [0.75, -0.25, -0.25, -0.25, -1, -1, -1, 3]);
  }));

Deno.test("dynamic sampling leaves groups without spread out", () =>
  withDevice(async (device) => {
    const trainer = await grpo(device, { dynamicSampling: true, beta: 0.1, miniBatchSize: 8 });
    const rollouts = await trainer.generate(PROMPTS);
    const rewards = { same: Array(8).fill(1) };
    const { metrics } = await trainer.step(
      promptsOf(rollouts),
      tokensOf(rollouts),
      rewards,
      rollouts,
    );
    assert.deepEqual([metrics.frac_reward_zero_std, metrics.grad_norm, metrics.loss], [1, 0, 0]);
  }));

Deno.test("a moved reference lies between the policy and where it was", () =>
  withDevice(async (device) => {
    const sync = { beta: 0.1, syncRefModel: true, refModelSyncSteps: 1, refModelMixupAlpha: 0.25 };
    const trainer = await grpo(device, sync);
    const before = await trainer.reference!.parameters.values.read();
    await run(trainer, 1);
    const [after, policy] = [
      await trainer.reference!.parameters.values.read(),
      await trainer.parameters.values.read(),
    ];
    after.forEach((value, i) =>
      assert.ok(Math.abs(value - (0.75 * before[i] + 0.25 * policy[i])) < 1e-6)
    );
  }));

Deno.test("nonsense is refused in one line", () =>
  withDevice(async (device) => {
    const trainer = await grpo(device);
    const rollouts = await trainer.generate(PROMPTS);
    const step = (rewards: Record<string, (number | null)[]>, prompts = promptsOf(rollouts)) =>
      trainer.step(prompts, tokensOf(rollouts), rewards, rollouts);
    const good = even(rollouts);
    await assert.rejects(step({}), /no rewards/);
    await assert.rejects(step({ a: good.slice(1) }), /"a" has 7 values for 8/);
    await assert.rejects(step({ a: [NaN, ...good.slice(1)] }), /must be a finite number, or null/);
    await assert.rejects(step({ a: good.map(() => null) }), /every reward of the step is null/);
    const alone = [[3, 1], ...promptsOf(rollouts).slice(1)];
    await assert.rejects(step({ a: good }, alone), /single completion/);
    await assert.rejects(trainer.step(PROMPTS, [[1]], { a: [1] }), /expected 8 of each/);
    await step({ a: good });
    await assert.rejects(step({ a: good }), /generated before the policy was updated/);
    await assert.rejects(
      trainer.step(promptsOf(rollouts), [[], ...tokensOf(rollouts).slice(1)], { a: good }),
      /completion 0 is empty/,
    );
    assert.throws(() => new GRPOTrainer(trainer.policy, { ...base, batchSize: 6 }), UserError);
    assert.throws(
      () => new GRPOTrainer(trainer.policy, { ...base, syncRefModel: true }),
      /`beta` is 0/,
    );
  }));

Deno.test("a loss that is not finite stops the training, and changes nothing", () =>
  withDevice(async (device) => {
    const trainer = await grpo(device, { lossType: "grpo" });
    const rollouts = await trainer.generate(PROMPTS);
    const before = await trainer.parameters.values.read();
    const far = rollouts.map(({ tokens }) => ({ logprobs: tokens.map(() => -1e4), values: null }));
    await assert.rejects(
      trainer.step(promptsOf(rollouts), tokensOf(rollouts), { even: even(rollouts) }, far),
      TrainingDivergedError,
    );
    assert.deepEqual(await trainer.parameters.values.read(), before);
  }));

deviceTest(
  "generating during a step, and a step during generation, are refused",
  async (device) => {
    const trainer = await grpo(device);
    const rollouts = await trainer.generate(PROMPTS, { seed: 1 });
    const step = () =>
      trainer.step(promptsOf(rollouts), tokensOf(rollouts), { even: even(rollouts) });
    const stepping = step();
    await assert.rejects(trainer.generate(PROMPTS), /generate was called while a step is running/);
    await stepping;
    const generating = trainer.generate(PROMPTS);
    await assert.rejects(step(), /step was called while generate is running/);
    await generating;
    trainer.dispose();
  },
);
