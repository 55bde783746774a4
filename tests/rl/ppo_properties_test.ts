/** The properties that spec/ppo.md says must hold, on the demo's model. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { createPolicy, type Policy } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import type { PPOConfigInput } from "../../lib/rl/ppo_config.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import type { PPOStats } from "../../lib/rl/statistics.ts";
import { demoModelDir } from "../demo_model.ts";
import { withDevice } from "../device.ts";
import { relativeNorm } from "../numeric.ts";
import { type Batch, demoPolicy, pick, randomBatch } from "./demo_policy.ts";

const base: PPOConfigInput = {
  batchSize: 4,
  miniBatchSize: 2,
  ppoEpochs: 1,
  learningRate: 1e-3,
  shuffleMinibatches: false,
};

interface Outcome {
  stats: PPOStats;
  policy: Policy;
  trainer: PPOTrainer;
  /** All trained parameters, one after the other. */
  parameters: Float32Array;
}

/** One step of a fresh trainer on a fresh policy. */
async function stepOnce(device: Device, config: PPOConfigInput, batch: Batch): Promise<Outcome> {
  const policy = await demoPolicy(device);
  const trainer = new PPOTrainer(policy, { ...base, ...config });
  const stats = await trainer.step(batch.queries, batch.responses, batch.scores);
  return { stats, policy, trainer, parameters: await policy.parameters.values.read() };
}

for (const compat of ["none", "trl-0.4"] as const) {
  Deno.test(`compat ${compat}: the first minibatch's ratio is 1, bit for bit`, () =>
    withDevice(async (device) => {
      const batch = randomBatch(4);
      const { stats } = await stepOnce(device, { compat }, batch);
      const counted = batch.responses.map(({ length }) => compat === "none" ? length : length - 2);
      const ratio = stats["ppo/policy/ratio"];
      assert.equal(ratio.length, counted.reduce((a, b) => a + b));
      const first = counted[0] + counted[1];
      assert.deepEqual([...ratio.subarray(0, first)], Array(first).fill(1));
      assert.ok(ratio.subarray(first).some((r) => r !== 1), "the second follows an update");
    }));
}

Deno.test("the mask: compat trl-0.4 leaves out exactly the first position", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const all = await stepOnce(device, {}, batch);
    const withStart = { ...batch, responses: batch.responses.map((tokens) => [0, ...tokens]) };
    const compat = await stepOnce(device, { compat: "trl-0.4" }, withStart);
    assert.deepEqual(
      compat.stats["objective/logprobs"],
      all.stats["objective/logprobs"].map((logprobs) => logprobs.subarray(1)),
    );
    assert.equal(
      compat.stats["tokens/responses_len_mean"],
      all.stats["tokens/responses_len_mean"] + 1,
    );
  }));

Deno.test("a rollout's logprobs, reference and ratio do not depend on its batch", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const together = await stepOnce(device, { miniBatchSize: 4, reference: "base" }, batch);
    for (let row = 0; row < 4; row++) {
      const alone = await stepOnce(
        device,
        { batchSize: 1, miniBatchSize: 1, reference: "base" },
        pick(batch, [row]),
      );
      for (const name of ["objective/logprobs", "objective/ref_logprobs"] as const) {
        assert.deepEqual(alone.stats[name][0], together.stats[name][row]);
      }
      assert.equal(alone.stats["objective/kl_dist"][0], together.stats["objective/kl_dist"][row]);
    }
  }));

Deno.test("the order of rollouts in a minibatch changes the update by rounding only", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const config = { miniBatchSize: 4 };
    const one = await stepOnce(device, config, batch);
    const other = await stepOnce(device, config, pick(batch, [2, 0, 3, 1]));
    assert.ok(relativeNorm(other.parameters, one.parameters) < 1e-5);
  }));

Deno.test("accumulated minibatches equal one minibatch of their size", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const config = { ppoEpochs: 2, maxGradNorm: 0.5, reference: "base" as const };
    const one = await stepOnce(device, { ...config, miniBatchSize: 4 }, batch);
    for (const [miniBatchSize, gradientAccumulationSteps] of [[2, 2], [1, 4]]) {
      const settings = { ...config, miniBatchSize, gradientAccumulationSteps };
      const accumulated = await stepOnce(device, settings, batch);
      const apart = relativeNorm(accumulated.parameters, one.parameters);
      assert.ok(apart < 1e-5, `parameters differ by ${apart} for ${miniBatchSize} at a time`);
      assert.deepEqual(
        accumulated.stats["ppo/policy/advantages"],
        one.stats["ppo/policy/advantages"],
      );
      for (const [name, value] of Object.entries(one.stats)) {
        if (typeof value !== "number" || name.startsWith("time/")) continue;
        const got = accumulated.stats[name as "ppo/loss/total"];
        assert.ok(
          Math.abs(got - value) <= 1e-5 + 1e-4 * Math.abs(value),
          `${name}: ${got}, ${value}`,
        );
      }
    }
    const separate = await stepOnce(device, { ...config, miniBatchSize: 2 }, batch);
    assert.ok(
      relativeNorm(separate.parameters, one.parameters) > 1e-4,
      "steps differ from one step",
    );
  }));

Deno.test("reference initial has no KL until the policy moves; base sees the adapter", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const { queries, responses, scores } = batch;
    const initial = await stepOnce(device, { reference: "initial" }, batch);
    assert.deepEqual([...initial.stats["objective/kl_dist"]], [0, 0, 0, 0]);
    const second = await initial.trainer.step(queries, responses, scores);
    assert.ok(second["objective/kl_dist"].every((kl) => kl !== 0), "the policy moved");
    assert.deepEqual(second["objective/ref_logprobs"], initial.stats["objective/ref_logprobs"]);

    const base = await stepOnce(device, { reference: "base" }, batch);
    assert.ok(base.stats["objective/kl_dist"].every((kl) => kl !== 0));
    const after = await base.trainer.step(queries, responses, scores);
    assert.deepEqual(after["objective/ref_logprobs"], base.stats["objective/ref_logprobs"]);
    assert.deepEqual(base.stats["objective/logprobs"], initial.stats["objective/logprobs"]);
  }));

Deno.test("a new adapter's reference is the base model, and takes no memory", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const model = await loadLanguageModel(device, demoModelDir);
    const run = async (copied: boolean) => {
      const lora = { r: 4, loraAlpha: 8, loraDropout: 0, targetModules: ["q", "v"] };
      const policy = createPolicy(model, lora, 1);
      if (copied) {
        // Zeros all the same, but the trainer cannot know.
        for (const name of policy.parameters.names.filter((name) => name.includes("lora_B"))) {
          policy.parameters.write(name, new Float32Array(policy.parameters.get(name).length));
        }
      }
      const trainer = new PPOTrainer(policy, { ...base, reference: "initial" });
      assert.equal(trainer.reference !== null, copied);
      const stats = await trainer.step(batch.queries, batch.responses, batch.scores);
      trainer.dispose();
      return [stats["objective/ref_logprobs"], await policy.parameters.values.read()];
    };
    assert.deepEqual(await run(false), await run(true));
  }));

Deno.test("early stopping ends the step after the minibatch that moved too far", () =>
  withDevice(async (device) => {
    const batch = randomBatch(4);
    const config = { ppoEpochs: 6, learningRate: 3e-2, targetKl: 1e-4, reference: "base" as const };
    const stopped = await stepOnce(device, { ...config, earlyStopping: true }, batch);
    const whole = await stepOnce(device, config, batch);
    const positions = batch.responses.flat().length;
    assert.equal(whole.stats["ppo/policy/ratio"].length, 6 * positions);
    assert.ok(stopped.stats["ppo/policy/ratio"].length < 6 * positions);
  }));
