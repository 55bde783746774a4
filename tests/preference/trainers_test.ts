import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { UserError } from "../../lib/errors.ts";
import { DPO_LOSS_TYPES } from "../../lib/preference/dpo_loss.ts";
import { DPOTrainer } from "../../lib/preference/dpo_trainer.ts";
import { KTOTrainer } from "../../lib/preference/kto_trainer.ts";
import { ORPOTrainer } from "../../lib/preference/orpo_trainer.ts";
import type { PreferencePair } from "../../lib/preference/preference_pair.ts";
import type { AdapterTrainer, AdapterTrainerConfig } from "../../lib/training/adapter_trainer.ts";
import { Context } from "../../lib/tensor/context.ts";
import { Packed } from "../../lib/tensor/packed.ts";
import { deviceTest, withDevice } from "../device.ts";
import { demoPolicy } from "../rl/demo_policy.ts";

const pairs: PreferencePair[] = [
  { prompt: [5, 9, 31, 1], chosen: [12, 40, 1], rejected: [33, 7, 18, 1] },
  { prompt: [8, 1], chosen: [9, 1], rejected: [77, 1] },
  { prompt: [14, 3, 1], chosen: [21, 22, 23, 1], rejected: [1] },
  { prompt: [5, 9, 31, 1], chosen: [40, 12, 1], rejected: [18, 33, 1] },
];
const answers = pairs.flatMap(({ prompt, chosen, rejected }) => [
  { prompt, completion: chosen, label: true },
  { prompt, completion: rejected, label: false },
]);
const base = { steps: 20, batchSize: 4, learningRate: 1e-2, lrScheduler: "constant" } as const;

type AnyTrainer = AdapterTrainer<AdapterTrainerConfig>;
interface Subject {
  name: string;
  make(device: Device, config?: { batchSize?: number }): Promise<AnyTrainer>;
  step(trainer: AnyTrainer): Promise<{ metrics: Record<string, number> }>;
}

const subjects: Subject[] = [
  {
    name: "DPO",
    make: async (device, config) =>
      new DPOTrainer(await demoPolicy(device), { ...base, ...config }),
    step: (trainer) => (trainer as unknown as DPOTrainer).step(pairs),
  },
  {
    name: "ORPO",
    make: async (device, config) =>
      new ORPOTrainer(await demoPolicy(device), { ...base, ...config }),
    step: (trainer) => (trainer as unknown as ORPOTrainer).step(pairs),
  },
  {
    name: "KTO",
    make: async (device, config) =>
      new KTOTrainer(await demoPolicy(device), { ...base, ...config }),
    step: (trainer) => (trainer as unknown as KTOTrainer).step(answers),
  },
];

for (const { name, make, step } of subjects) {
  Deno.test(`${name} raises the margin between what is liked and what is not`, () =>
    withDevice(async (device) => {
      const trainer = await make(device);
      const first = await step(trainer);
      for (let i = 0; i < 10; i++) await step(trainer);
      const last = await step(trainer);
      assert.ok(last.metrics["rewards/margins"] > first.metrics["rewards/margins"] + 0.05);
      assert.ok(last.metrics.loss < first.metrics.loss);
    }));

  deviceTest(`${name} goes on from a state bit for bit`, async (device) => {
    const [first, second] = [await make(device), await make(device)];
    await step(first);
    second.parameters.copyFrom(first.parameters);
    for (const moment of ["firstMoment", "secondMoment"] as const) {
      second.optimizer[moment].write(await first.optimizer[moment].read());
    }
    second.optimizer.stepCount = first.optimizer.stepCount;
    second.setState(JSON.parse(JSON.stringify(first.state())));
    assert.deepEqual(await step(first), await step(second));
    assert.deepEqual(await first.parameters.values.read(), await second.parameters.values.read());
  });
}

for (const { name, make, step } of subjects) {
  Deno.test(`${name}: an evaluation has the figures of the next step, and changes nothing`, () =>
    withDevice(async (device) => {
      const trainer = await make(device, { batchSize: 8 });
      await step(trainer);
      const state = JSON.stringify(trainer.state());
      const examples = name === "KTO" ? answers : pairs;
      const { metrics } = await (trainer as unknown as DPOTrainer).evaluate(examples as never);
      assert.equal(JSON.stringify(trainer.state()), state);
      const next = await step(trainer);
      assert.ok("rewards/margins" in metrics);
      for (const [metric, value] of Object.entries(metrics)) {
        assert.equal(value, next.metrics[metric], metric);
      }
    }));
}

for (const { name, make, step } of subjects) {
  deviceTest(
    `${name}: logits are means over the vocabulary and the answers' tokens`,
    async (device) => {
      const trainer = await make(device, { batchSize: 2 });
      const { model, adapter } = trainer.policy;
      const mean = async (side: "chosen" | "rejected") => {
        const cx = new Context(device);
        const memory = model.prefill(cx, pairs.map(({ prompt }) => prompt), adapter, "pass");
        const inputs = pairs.map((
          pair,
        ) => [model.firstInput(pair.prompt), ...pair[side].slice(0, -1)]);
        const hidden = model.forward(cx, Packed.create(cx, inputs), memory, adapter);
        const values = await model.logits(cx, hidden).read();
        cx.release();
        return values.reduce((sum, value) => sum + value / values.length, 0);
      };
      const expected = [await mean("chosen"), await mean("rejected")];
      const { metrics } = await step(trainer);
      ["logits/chosen", "logits/rejected"].forEach((metric, i) =>
        assert.ok(Math.abs(metrics[metric] - expected[i]) < 1e-4, `${metric}: ${metrics[metric]}`)
      );
      assert.ok(Math.abs(expected[0] - expected[1]) > 1e-3);
    },
  );
}

// KTO estimates its KL from the answers of a pass: its loss that has none is compared.
const undivided: Subject[] = [
  ...subjects.slice(0, 2),
  {
    name: "KTO apo_zero_unpaired",
    make: async (device, config) => {
      const settings = { ...base, ...config, lossType: "apo_zero_unpaired" } as const;
      return new KTOTrainer(await demoPolicy(device), settings);
    },
    step: subjects[2].step,
  },
];

for (const { name, make, step } of undivided) {
  Deno.test(`${name}: how a step is divided into passes changes nothing but rounding`, () =>
    withDevice(async (device) => {
      const [whole, halves] = [
        await make(device, { batchSize: 4 }),
        await make(device, { batchSize: 2 }),
      ];
      const [a, b] = [await step(whole), await step(halves)];
      for (const metric of ["loss", "grad_norm", "rewards/margins"]) {
        const error = Math.abs(a.metrics[metric] - b.metrics[metric]);
        assert.ok(error <= 1e-5 * (1 + Math.abs(a.metrics[metric])), metric);
      }
    }));
}

for (const lossType of DPO_LOSS_TYPES) {
  Deno.test(`DPO ${lossType}: at the reference every ratio is exactly 0`, () =>
    withDevice(async (device) => {
      const trainer = new DPOTrainer(await demoPolicy(device), { ...base, lossType });
      const known = await trainer.referenceLogps(pairs);
      const { metrics } = await trainer.step(pairs, known);
      assert.equal(metrics["rewards/chosen"], 0);
      assert.equal(metrics["rewards/rejected"], 0);
      assert.ok(metrics.grad_norm > 0);
    }));
}

Deno.test("known log-probabilities of the reference give the same step, bit for bit", () =>
  withDevice(async (device) => {
    const make = async () => new DPOTrainer(await demoPolicy(device), { ...base, rpoAlpha: 0.5 });
    const [first, second] = [await make(), await make()];
    const known = await second.referenceLogps(pairs);
    assert.deepEqual(await first.step(pairs), await second.step(pairs, known));
    assert.deepEqual(await first.step(pairs), await second.step(pairs, known));
  }));

Deno.test("known log-probabilities of too few pairs are refused, and nothing is counted", () =>
  withDevice(async (device) => {
    const trainer = new DPOTrainer(await demoPolicy(device), base);
    const before = trainer.state();
    for (
      const known of [{ chosen: [0, 0, 0], rejected: [0, 0, 0, 0] }, {
        chosen: [0, 0, 0, 0],
        rejected: [],
      }]
    ) {
      const refused = {
        name: "UserError",
        message: `\`known\` has log-probabilities of ${known.chosen.length} chosen and ` +
          `${known.rejected.length} rejected answers for 4 pairs: give one for each, or leave it ` +
          "out to have them computed",
      };
      await assert.rejects(trainer.step(pairs, known), refused);
      await assert.rejects(trainer.evaluate(pairs, known), refused);
    }
    assert.deepEqual(trainer.state(), before);
  }));

Deno.test("compat trl-0.19 leaves the last token of a batch's longest answers out", () =>
  withDevice(async (device) => {
    const known = { chosen: [0, 0, 0, 0], rejected: [0, 0, 0, 0] };
    const policy = await demoPolicy(device);
    const logps = async (config: object) => {
      const trainer = new DPOTrainer(policy, { ...base, learningRate: 1e-12, ...config });
      return (await trainer.step(pairs, known)).pairs;
    };
    const [right, trl] = [await logps({}), await logps({ compat: "trl-0.19" })];
    const differs = right.map(({ chosenLogps, rejectedLogps }, i) => [
      chosenLogps !== trl[i].chosenLogps,
      rejectedLogps !== trl[i].rejectedLogps,
    ]);
    assert.deepEqual(differs, [[false, true], [false, false], [true, false], [false, false]]);
  }));

Deno.test("compat trl-0.19: the means of ipo are over the tokens that are left", () =>
  withDevice(async (device) => {
    const config = { ...base, lossType: "ipo", compat: "trl-0.19" } as const;
    const { pairs: stats } = await new DPOTrainer(await demoPolicy(device), config).step(pairs);
    for (const { chosenReward, rejectedReward } of stats) {
      assert.ok(Math.abs(chosenReward) < 1e-6 && Math.abs(rejectedReward) < 1e-6);
    }
  }));

Deno.test("every token of the chosen answers has a part in their likelihood, 0 among them", () =>
  withDevice(async (device) => {
    const trainer = new DPOTrainer(await demoPolicy(device), { ...base, rpoAlpha: 1 });
    const { metrics, pairs: [pair] } = await trainer.step([
      { prompt: [5, 1], chosen: [0, 12, 0, 1], rejected: [7, 1] },
    ]);
    assert.ok(Math.abs(metrics.nll_loss + pair.chosenLogps / 4) < 1e-6);
  }));

Deno.test("nonsense is refused in one line", () =>
  withDevice(async (device) => {
    const policy = await demoPolicy(device);
    const dpo = new DPOTrainer(policy, base);
    await assert.rejects(dpo.step([]), /no pair was given/);
    await assert.rejects(new ORPOTrainer(policy, base).step([]), /no pair was given/);
    await assert.rejects(new KTOTrainer(policy, base).step([]), /no answer was given/);
    await assert.rejects(
      dpo.step([{ prompt: [1], chosen: [], rejected: [1] }]),
      /the chosen answer of pair 0 is empty/,
    );
    await assert.rejects(dpo.step([{ prompt: [], chosen: [1], rejected: [1] }]), UserError);
    for (const Trainer of [DPOTrainer, ORPOTrainer, KTOTrainer]) {
      assert.throws(
        () => new Trainer(policy, { ...base, warmupSteps: 21 }),
        /^UserError: `warmupSteps` 21 is more than `steps` 20: .* make it at most 20$/,
      );
    }
    const kto = new KTOTrainer(policy, base);
    await assert.rejects(kto.step(answers.slice(0, 1)), /single answer/);
    assert.throws(
      () => new DPOTrainer(policy, { ...base, lossType: "hinge", labelSmoothing: 0.1 }),
      /`labelSmoothing`/,
    );
  }));
