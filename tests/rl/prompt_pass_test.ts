import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { OutOfMemoryError } from "../../lib/errors.ts";
import { generate } from "../../lib/generation/generate.ts";
import type { PPOConfigInput } from "../../lib/rl/ppo_config.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import { deviceTest, withDevice } from "../device.ts";
import type { Policy } from "../../lib/models/policy.ts";
import { demoPolicy, randomBatch, randomPolicy } from "./demo_policy.ts";

const { queries } = randomBatch(4);
const scores = [1, -1, 0.5, 2];
const sampling = { maxNewTokens: 9, minLength: 11, doSample: true, seed: 3 };
const base: PPOConfigInput = {
  batchSize: 4,
  miniBatchSize: 2,
  ppoEpochs: 2,
  learningRate: 1e-2,
  seed: 5,
};

/** Results of two steps: all parameters, and every number of their statistics but times. */
async function train(
  device: Device,
  config: PPOConfigInput,
  step: (trainer: PPOTrainer, queries: number[][]) => Promise<object>,
  batch: number[][] = queries,
  policyOf: (device: Device) => Promise<Policy> = demoPolicy,
): Promise<{ parameters: Float32Array; stats: object[] }> {
  const policy = await policyOf(device);
  const trainer = new PPOTrainer(policy, { ...base, ...config });
  const stats = [];
  for (let i = 0; i < 2; i++) {
    const entries = Object.entries(await step(trainer, batch));
    stats.push(Object.fromEntries(entries.filter(([name]) => !name.startsWith("time/"))));
  }
  trainer.dispose();
  return { parameters: await policy.parameters.values.read(), stats };
}

/** Generates with the trainer, which keeps its pass over the prompts. */
async function keeping(trainer: PPOTrainer, queries: number[][]): Promise<object> {
  const generated = await trainer.generate(queries, sampling);
  return await trainer.step(queries, generated.map(({ tokens }) => tokens), scores, generated);
}

/** Generates without it. */
async function readingAgain(trainer: PPOTrainer, queries: number[][]): Promise<object> {
  const { model, adapter, valueHead } = trainer.policy;
  const options = { adapter, valueHead, logprobs: true };
  const generated = await generate(model, queries, sampling, options);
  return await trainer.step(queries, generated.map(({ tokens }) => tokens), scores, generated);
}

/** Reads the prompts while others generate. */
async function readingAhead(trainer: PPOTrainer, queries: number[][]): Promise<object> {
  await trainer.readAhead(queries);
  return await readingAgain(trainer, queries);
}

const CASES: Record<string, PPOConfigInput> = {
  "shuffled minibatches": {},
  "one minibatch": { miniBatchSize: 4, ppoEpochs: 1 },
  "accumulated gradients": { miniBatchSize: 1, gradientAccumulationSteps: 4 },
  "layers computed again": { activationMemory: 0.1 },
  "dropout in the policy": { policyDropout: true },
};

for (const [name, config] of Object.entries(CASES)) {
  deviceTest(
    `prompts that generation has read change nothing, bit for bit: ${name}`,
    async (device) => {
      const kept = await train(device, config, keeping);
      assert.deepEqual(kept, await train(device, config, readingAgain));
      assert.deepEqual(kept, await train(device, config, readingAhead));
      assert.ok(kept.parameters.every(Number.isFinite));
    },
  );
}

const [first, second] = queries;
const GROUPS: Record<string, { batch: number[][]; config: PPOConfigInput }> = {
  "in one minibatch": {
    batch: [first, first, second, second],
    config: { ppoEpochs: 1, shuffleMinibatches: false },
  },
  "in several": { batch: [first, second, first, first], config: { ppoEpochs: 1 } },
};

for (const [name, { batch, config }] of Object.entries(GROUPS)) {
  deviceTest(`groups of responses keep what they share, bit for bit: ${name}`, async (device) => {
    const kept = await train(device, config, keeping, batch);
    assert.deepEqual(kept, await train(device, config, readingAgain, batch));
    assert.deepEqual(kept, await train(device, config, readingAhead, batch));
    // The first minibatch is trained before anything has changed.
    const [{ "ppo/policy/ratio": ratio }] = kept.stats as { "ppo/policy/ratio": Float32Array }[];
    assert.ok(ratio.subarray(0, 9).every((r) => r === 1));
  });
}

deviceTest("prompts that a decoder-only model has read change nothing", async (device) => {
  const chat = (device: Device) => randomPolicy(device, "demo/tiny-chat", "all-linear");
  // Its reference is the base model, beside the adapters' copies in the other cases.
  const config = { reference: "base" } as const;
  const within = (query: number[]) => query.map((token) => token % 512);
  const batch = [first, second, first, first].map(within);
  const kept = await train(device, config, keeping, batch, chat);
  assert.deepEqual(kept, await train(device, config, readingAgain, batch, chat));
  assert.deepEqual(kept, await train(device, config, readingAhead, batch, chat));
});

deviceTest("several responses to a query are those to it given several times", async (device) => {
  const trainer = new PPOTrainer(await demoPolicy(device), base);
  const group = await trainer.generate([first, second], { ...sampling, numReturnSequences: 2 });
  assert.ok(group.promptPass);
  const rows = await trainer.generate([first, first, second, second], sampling);
  assert.deepEqual(Array.from(group), Array.from(rows));
  trainer.dispose();
});

/** Launches of a kernel while `body` runs. */
async function countLaunches(
  device: Device,
  kernel: string,
  body: () => Promise<unknown>,
): Promise<number> {
  assert.ok(device.kind === "wasm");
  const run = device.run;
  let count = 0;
  device.run = (launched, ...rest) => {
    if (launched.name === kernel) count++;
    run.call(device, launched, ...rest);
  };
  try {
    await body();
  } finally {
    device.run = run;
  }
  return count;
}

Deno.test("a step on rollouts reads one minibatch's prompts less, but not other prompts'", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), { ...base, ppoEpochs: 1 });
    // The embedding is looked up once by the encoder and once by the decoder.
    const launches = async (batch: number[][], isGiven: boolean) => {
      const rollouts = await trainer.generate(queries, sampling);
      const responses = rollouts.map(({ tokens }) => tokens);
      const step = () => trainer.step(batch, responses, scores, isGiven ? rollouts : undefined);
      return await countLaunches(device, "embedding", step);
    };
    // The reference's evaluation, and two minibatches.
    assert.equal(await launches(queries, true), 5);
    const others = queries.map(([first, ...rest]) => [first === 5 ? 6 : 5, ...rest]);
    assert.equal(await launches(others, true), 6);
    // The policy's evaluation as well.
    assert.equal(await launches(queries, false), 8);
  }, "wasm"));

Deno.test("a step reads none of the prompts that were read ahead, but all others", () =>
  withDevice(async (device) => {
    const trainer = new PPOTrainer(await demoPolicy(device), { ...base, ppoEpochs: 1 });
    const launches = async (ahead: number[][]) => {
      const rollouts = await trainer.generate(queries, sampling);
      await trainer.readAhead(ahead);
      const responses = rollouts.map(({ tokens }) => tokens);
      const step = () => trainer.step(queries, responses, scores, Array.from(rollouts));
      return await countLaunches(device, "embedding", step);
    };
    // The decoder of the reference and of two minibatches, and the second one's encoder.
    assert.equal(await launches(queries), 4);
    // The reference's encoder and the first minibatch's.
    assert.equal(await launches(queries.map((query) => [...query, 1])), 6);
    await assert.rejects(
      Promise.all([
        trainer.step(queries, queries, scores),
        trainer.readAhead(queries),
      ]),
      /readAhead was called while a step is running/,
    );
  }, "wasm"));

deviceTest("what is kept is freed: by the step, the next generation, dispose", async (device) => {
  const trainer = new PPOTrainer(await demoPolicy(device), base);
  await keeping(trainer, queries);
  const { used } = device.memory;
  await trainer.generate(queries, sampling);
  const kept = device.memory.used;
  assert.ok(kept > used);
  await trainer.generate(queries, sampling);
  assert.equal(device.memory.used, kept);
  await assert.rejects(trainer.generate(queries, { ...sampling, topP: 2 }), /`topP` is 2/);
  assert.equal(device.memory.used, used);
  await keeping(trainer, queries);
  assert.equal(device.memory.used, used);
  await trainer.readAhead(queries);
  assert.ok(device.memory.used > used);
  await readingAgain(trainer, queries);
  assert.equal(device.memory.used, used);
  await trainer.readAhead(queries);
  await trainer.generate(queries, sampling);
  trainer.dispose();
  assert.ok(device.memory.used < used);
});

Deno.test("where memory does not suffice to keep it, generation goes without", () =>
  withDevice(async (device) => {
    const policy = await demoPolicy(device);
    const [trainer, without] = [
      new PPOTrainer(policy, base),
      new PPOTrainer(policy, { ...base, policyDropout: true }),
    ];
    const { alloc, memory: { used } } = device;
    // The second time, what the model keeps from pass to pass is there already.
    await without.generate(queries, sampling);
    const expected = await without.generate(queries, sampling);
    const needed = device.memory.peak - used;
    device.alloc = (bytes: number) => {
      if (device.memory.used - used + bytes > needed) {
        throw new OutOfMemoryError("no more", { needed: bytes, available: null });
      }
      return alloc.call(device, bytes);
    };
    try {
      const rollouts = await trainer.generate(queries, sampling);
      assert.equal(rollouts.promptPass, null);
      assert.deepEqual(Array.from(rollouts), Array.from(expected));
      rollouts.release();
      device.alloc = () => {
        throw new OutOfMemoryError("no more", { needed: 1, available: null });
      };
      const before = device.memory.used;
      await trainer.readAhead(queries);
      assert.equal(device.memory.used, before);
    } finally {
      device.alloc = alloc;
    }
  }));
