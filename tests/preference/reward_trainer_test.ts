import assert from "node:assert/strict";
import { join } from "node:path";
import type { Device } from "../../lib/device/device.ts";
import { TrainingDivergedError } from "../../lib/errors.ts";
import {
  loadClassifierAdapter,
  loadTrainableClassifier,
} from "../../lib/models/trainable_classifier.ts";
import type { RewardConfigInput } from "../../lib/preference/reward_config.ts";
import { resolveRewardConfig } from "../../lib/preference/reward_config.ts";
import {
  rewardMetrics,
  type RewardPair,
  RewardTrainer,
} from "../../lib/preference/reward_trainer.ts";
import { demoModelDir, demoRewardDir } from "../demo_model.ts";
import { deviceTest, withDevice } from "../device.ts";
import { goldenCausalDir } from "../golden_causal/folder.ts";
import { relativeNorm } from "../numeric.ts";

const LLAMA = join(goldenCausalDir, "llama", "checkpoint");
const ROBERTA = join(goldenCausalDir, "reward-roberta", "checkpoint");
const LORA = { r: 2, loraAlpha: 4, loraDropout: 0.5 };
const PAIRS: RewardPair[] = [
  { chosen: [5, 9, 31, 12, 40], rejected: [5, 9, 31, 33, 7, 18], margin: 0.5 },
  { chosen: [8, 9, 12], rejected: [8, 77], margin: 1 },
  { chosen: [14, 3, 21, 22, 12], rejected: [14, 3, 18] },
  { chosen: [6, 12], rejected: [6, 18, 33] },
];
const SETTINGS: RewardConfigInput = {
  steps: 40,
  batchSize: 4,
  learningRate: 5e-3,
  lrScheduler: "constant",
};

async function trainerOf(
  device: Device,
  model = LLAMA,
  settings: Partial<RewardConfigInput> = {},
): Promise<RewardTrainer> {
  const trained = await loadClassifierAdapter(device, model, LORA, { labels: 1 });
  return new RewardTrainer(trained, { ...SETTINGS, ...settings });
}

async function values({ parameters }: RewardTrainer): Promise<Float32Array> {
  return await parameters.values.read();
}

for (const model of [LLAMA, ROBERTA]) {
  Deno.test(`${model.split("/").at(-2)}: steps raise the margin, also of all weights`, () =>
    withDevice(async (device) => {
      const full = await loadTrainableClassifier(device, model, { labels: 1 });
      const trainers = [
        await trainerOf(device, model),
        new RewardTrainer(full, { ...SETTINGS, learningRate: 1e-3 }),
      ];
      for (const trainer of trainers) {
        const { metrics: first } = await trainer.step(PAIRS);
        for (let i = 0; i < 30; i++) await trainer.step(PAIRS);
        const rewards = await trainer.rewards(PAIRS);
        const last = rewardMetrics(rewards);
        assert.ok(last.margin > first.margin + 0.5, `${first.margin} → ${last.margin}`);
        assert.ok(trainer.lossOf(PAIRS, rewards) < first.loss - 0.2);
        trainer.dispose();
      }
    }));
}

Deno.test("passes of any size give one gradient, with a loss that is the mean over pairs", () =>
  withDevice(async (device) => {
    const settings = { centerRewardsCoefficient: 0.1, maxGradNorm: null };
    const whole = await trainerOf(device, LLAMA, settings);
    const parts = await trainerOf(device, LLAMA, { ...settings, batchSize: 1 });
    const [a, b] = [await whole.step(PAIRS), await parts.step(PAIRS)];
    assert.ok(Math.abs(a.metrics.loss - b.metrics.loss) < 1e-6);
    const gradients = await Promise.all(
      [whole, parts].map(({ parameters }) => parameters.gradients!.read()),
    );
    assert.ok(relativeNorm(gradients[1], gradients[0]) < 1e-5);
    assert.equal(a.metrics.num_tokens, 5 + 6 + 3 + 2 + 5 + 3 + 2 + 3);
  }));

Deno.test("a margin holds for its own pair; in TRL 0.19's mode for all of the pass", () =>
  withDevice(async (device) => {
    const own = await trainerOf(device);
    const all = await trainerOf(device, LLAMA, { compat: "trl-0.19" });
    const rewards = await own.rewards(PAIRS);
    const loss = (margins: (i: number) => number[]) =>
      rewards.reduce((sum, { chosen, rejected }, i) => {
        const losses = margins(i).map((margin) =>
          Math.log1p(Math.exp(-(chosen - rejected - margin)))
        );
        return sum + losses.reduce((a, b) => a + b) / losses.length / 4;
      }, 0);
    const margins = PAIRS.map(({ margin = 0 }) => margin);
    assert.ok(Math.abs((await own.step(PAIRS)).metrics.loss - loss((i) => [margins[i]])) < 1e-6);
    assert.ok(Math.abs((await all.step(PAIRS)).metrics.loss - loss(() => margins)) < 1e-6);
  }));

for (const [name, model, end] of [["llama", LLAMA, []], ["T5", demoModelDir, [1]]] as const) {
  deviceTest(
    `${name}: a trainer goes on from its state, moments and parameters bit for bit`,
    async (device) => {
      const pairs = PAIRS.map(({ chosen, rejected, margin }) => ({
        chosen: [...chosen, ...end],
        rejected: [...rejected, ...end],
        margin,
      }));
      const first = await trainerOf(device, model, { lrScheduler: "linear" });
      const before = await first.step(pairs);
      const second = await trainerOf(device, model, { lrScheduler: "linear" });
      assert.deepEqual(await second.step(pairs), before);
      second.parameters.copyFrom(first.parameters);
      for (const moment of ["firstMoment", "secondMoment"] as const) {
        second.optimizer[moment].write(await first.optimizer[moment].read());
      }
      second.optimizer.stepCount = first.optimizer.stepCount;
      second.setState(JSON.parse(JSON.stringify(first.state())));
      const [a, b] = [await first.step(pairs), await second.step(pairs)];
      assert.deepEqual(a, b);
      assert.notEqual(a.metrics.loss, before.metrics.loss);
      assert.deepEqual(await values(first), await values(second));
      assert.throws(
        () => second.setState({ step: -1 }),
        /not a state of a reward model's training/,
      );
    },
  );
}

Deno.test("what cannot be trained is refused in one line", () =>
  withDevice(async (device) => {
    const classifier = await loadClassifierAdapter(device, demoRewardDir, LORA);
    assert.throws(() => new RewardTrainer(classifier, { steps: 1 }), {
      name: "UserError",
      message: "the classifier has 2 labels, nothate, hate: a reward model has one",
    });
    assert.throws(() => resolveRewardConfig({ steps: 1, centerRewardsCoefficient: -1 }), {
      message: /^`centerRewardsCoefficient` must be a number of at least 0, or none, found -1/,
    });
    await assert.rejects(
      trainerOf(device, LLAMA, { steps: 2, warmupSteps: 3 }),
      /^UserError: `warmupSteps` 3 is more than `steps` 2: /,
    );
    const trainer = await trainerOf(device);
    await assert.rejects(trainer.step([]), /^UserError: a step needs at least one pair, got none/);
    const empty = [{ chosen: [1], rejected: [] }];
    await assert.rejects(trainer.step(empty), /^UserError: a text has 0 tokens/);
    const running = trainer.step(PAIRS);
    await assert.rejects(trainer.step(PAIRS), /another step is running/);
    await running;
    const bad = await trainerOf(device, LLAMA, { learningRate: 1e38, maxGradNorm: null });
    await bad.step(PAIRS);
    const before = await values(bad);
    await assert.rejects(bad.step(PAIRS), TrainingDivergedError);
    assert.deepEqual(await values(bad), before);
  }));
