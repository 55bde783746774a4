import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { createAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { PPOTrainer } from "../../lib/rl/ppo_trainer.ts";
import { SFTTrainer } from "../../lib/sft/sft_trainer.ts";
import type { Trainer } from "../../lib/training/trainer.ts";
import { TrainerSnapshot } from "../../lib/training/trainer_snapshot.ts";
import { withDevice } from "../device.ts";
import { demoPolicy, randomBatch } from "../rl/demo_policy.ts";
import { MODEL, topicExamples } from "../sft/examples.ts";

/** Trainers of both algorithms, with everything random in them on, and a step of each. */
const ALGORITHMS: Record<
  string,
  (device: Device) => Promise<{ trainer: Trainer; step: () => Promise<unknown> }>
> = {
  async PPO(device) {
    const { queries, responses, scores } = randomBatch(4);
    const config = { batchSize: 4, miniBatchSize: 2, learningRate: 1e-3, policyDropout: true };
    const trainer = new PPOTrainer(await demoPolicy(device), config);
    return { trainer, step: () => trainer.step(queries, responses, scores) };
  },
  async "supervised fine-tuning"(device) {
    const model = await loadLanguageModel(device, MODEL);
    const lora = { r: 4, loraAlpha: 8, loraDropout: 0.1, targetModules: ["q", "v"] };
    const adapter = createAdapter(model, lora, 1);
    const subject = { model, adapter, parameters: adapter.parameters };
    const config = { steps: 4, learningRate: 1e-2, batchSize: 2, lrScheduler: "linear" } as const;
    const trainer = new SFTTrainer(subject, config);
    const examples = await topicExamples(4);
    return { trainer, step: () => trainer.step(examples) };
  },
};

for (const [name, open] of Object.entries(ALGORITHMS)) {
  Deno.test(`${name}: what a checkpoint keeps makes another trainer go on bit for bit`, () =>
    withDevice(async (device) => {
      const whole = await open(device);
      await whole.step();
      const { parameters, optimizer, frozen } = whole.trainer;
      const kept = {
        state: JSON.parse(JSON.stringify(whole.trainer.state())),
        tensors: await Promise.all(
          [parameters.values, optimizer.firstMoment, optimizer.secondMoment]
            .map((tensor) => tensor.read()),
        ),
        frozen: await Promise.all(Object.values(frozen).map(({ values }) => values.read())),
        stepCount: optimizer.stepCount,
      };
      await whole.step();

      const resumed = await open(device);
      const { trainer } = resumed;
      [trainer.parameters.values, trainer.optimizer.firstMoment, trainer.optimizer.secondMoment]
        .forEach((tensor, i) => tensor.write(kept.tensors[i]));
      Object.values(trainer.frozen).forEach(({ values }, i) => values.write(kept.frozen[i]));
      trainer.optimizer.stepCount = kept.stepCount;
      trainer.setState(kept.state);
      assert.equal(trainer.stepsDone, 1);
      await resumed.step();
      assert.deepEqual(await trainer.parameters.values.read(), await parameters.values.read());
      assert.deepEqual(trainer.state(), whole.trainer.state());
    }));

  Deno.test(`${name}: a snapshot takes a step back, which then goes as before`, () =>
    withDevice(async (device) => {
      const { trainer, step } = await open(device);
      const snapshot = new TrainerSnapshot(trainer);
      const { revision } = trainer.parameters;
      await step();
      const once = await trainer.parameters.values.read();
      snapshot.restore();
      assert.equal(trainer.stepsDone, 0);
      assert.ok(trainer.parameters.revision > revision);
      await step();
      assert.deepEqual(await trainer.parameters.values.read(), once);
      snapshot.dispose();
      trainer.dispose();
    }));

  Deno.test(`${name}: a state of something else is refused by its first wrong field`, () =>
    withDevice(async (device) => {
      const { trainer } = await open(device);
      const good = trainer.state() as Record<string, unknown>;
      const refused = (state: unknown, message: RegExp) =>
        assert.throws(() => trainer.setState(state), { name: "UserError", message });
      refused({ ...good, random: [1, 2] }, new RegExp(`^not a state of ${name}: random: `));
      refused({ ...good, step: -1 }, /step: /);
      refused(null, /^not a state of /);
      assert.deepEqual(trainer.state(), good);
    }));
}
