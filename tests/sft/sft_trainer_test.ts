import assert from "node:assert/strict";
import { TrainingDivergedError } from "../../lib/errors.ts";
import { createAdapter } from "../../lib/models/policy.ts";
import { loadLanguageModel } from "../../lib/models/registry.ts";
import { loadTrainableModel, saveTrainableModel } from "../../lib/models/trainable.ts";
import { SFTTrainer } from "../../lib/sft/sft_trainer.ts";
import { evaluateLoss, type SupervisedExample } from "../../lib/sft/supervised_pass.ts";
import type { Device } from "../../lib/device/device.ts";
import { withDevice } from "../device.ts";
import { relativeNorm } from "../numeric.ts";
import { withTempDir } from "../temp_dir.ts";
import { MODEL, topicExamples } from "./examples.ts";

async function adapterOnDemo(device: Device) {
  const model = await loadLanguageModel(device, MODEL);
  const lora = { r: 4, loraAlpha: 8, loraDropout: 0.1, targetModules: ["q", "v"] };
  const adapter = createAdapter(model, lora, 1);
  return { model, adapter, parameters: adapter.parameters };
}

Deno.test("an adapter learns, and the frozen model stays as it is", () =>
  withDevice(async (device) => {
    const subject = await adapterOnDemo(device);
    const examples = await topicExamples(8);
    const base = { model: subject.model, adapter: null };
    const [frozen, before] = [
      await evaluateLoss(base, examples),
      await evaluateLoss(subject, examples),
    ];
    // A fresh adapter changes nothing.
    assert.equal(before, frozen);
    const trainer = new SFTTrainer(subject, { steps: 12, learningRate: 1e-2, batchSize: 8 });
    const losses: number[] = [];
    for (let step = 0; step < 12; step++) losses.push((await trainer.step(examples)).loss);
    assert.ok(await evaluateLoss(subject, examples) < 0.6 * before, `${before}: ${losses}`);
    assert.equal(await evaluateLoss(base, examples), frozen);
    trainer.dispose();
  }));

Deno.test("gradient accumulation: the gradient is that of one large pass, relative norm 1e-5", () =>
  withDevice(async (device) => {
    const examples = await topicExamples(6);
    const gradients: Float32Array[] = [];
    const stats = [];
    for (const batchSize of [6, 4]) {
      const subject = await adapterOnDemo(device);
      const settings = { steps: 1, learningRate: 1e-3, batchSize, dropout: false };
      stats.push(await new SFTTrainer(subject, settings).step(examples));
      gradients.push(await subject.parameters.gradients!.read());
    }
    assert.ok(relativeNorm(gradients[1], gradients[0]) < 1e-5);
    assert.ok(Math.abs(stats[1].loss - stats[0].loss) < 1e-5 * stats[0].loss);
    assert.equal(stats[0].labels, stats[1].labels);
  }));

Deno.test("labels that do not count are read, and teach nothing", () =>
  withDevice(async (device) => {
    const examples = await topicExamples(3);
    const train = async (examples: readonly SupervisedExample[]) => {
      const subject = await adapterOnDemo(device);
      const trainer = new SFTTrainer(subject, { steps: 1, learningRate: 1e-3, dropout: false });
      const { loss, labels } = await trainer.step(examples);
      return { loss, labels, gradient: await subject.parameters.gradients!.read() };
    };
    const short = await train(examples.map((example) => ({
      ...example,
      labels: example.labels.slice(0, 2),
    })));
    const counted = await train(examples.map((example) => ({ ...example, counted: [[0, 2]] })));
    assert.deepEqual([counted.labels, counted.loss], [6, short.loss]);
    assert.ok(relativeNorm(counted.gradient, short.gradient) < 1e-5);

    // The loss of all labels is that of the first and that of the others, by their numbers.
    const all = await train(examples);
    const parts = await Promise.all([
      train(examples.map((example) => ({ ...example, counted: [[0, 1]] }))),
      train(examples.map((example) => ({ ...example, counted: [[1, example.labels.length]] }))),
    ]);
    const sum = parts.reduce((sum, { loss, labels }) => sum + loss * labels, 0);
    assert.ok(Math.abs(sum / all.labels - all.loss) < 1e-6 * all.loss);
    const gradient = parts[0].gradient.map((value, i) =>
      (value * parts[0].labels + parts[1].gradient[i] * parts[1].labels) / all.labels
    );
    assert.ok(relativeNorm(gradient, all.gradient) < 1e-5);
  }));

Deno.test("the same seed trains the same, dropout included; another one does not", () =>
  withDevice(async (device) => {
    const examples = await topicExamples(2);
    const train = async (seed: number) => {
      const subject = await adapterOnDemo(device);
      const trainer = new SFTTrainer(subject, { steps: 2, learningRate: 1e-3, seed });
      for (let step = 0; step < 2; step++) await trainer.step(examples);
      return await subject.parameters.values.read();
    };
    const first = await train(3);
    assert.deepEqual(await train(3), first);
    assert.notDeepEqual(await train(4), first);
  }));

Deno.test("the learning rate follows the schedule", () =>
  withDevice(async (device) => {
    const subject = await adapterOnDemo(device);
    const examples = await topicExamples(1);
    const trainer = new SFTTrainer(subject, { steps: 4, learningRate: 1, warmupSteps: 2 });
    const rates: number[] = [];
    for (let step = 0; step < 4; step++) {
      rates.push((await trainer.step(examples)).learningRate);
      subject.parameters.values.write(new Float32Array(subject.parameters.values.length));
    }
    assert.deepEqual(rates, [0, 0.5, 1, 0.5]);
    assert.throws(
      () => new SFTTrainer(subject, { steps: 1, learningRate: 1, warmupSteps: 2 }),
      /^UserError: `warmupSteps` 2 is more than `steps` 1: /,
    );
  }));

Deno.test("a gradient that is not finite stops the training and changes nothing", () =>
  withDevice(async (device) => {
    const subject = await adapterOnDemo(device);
    const [name] = subject.parameters.names;
    const { length } = subject.parameters.get(name);
    subject.parameters.write(name, new Float32Array(length).fill(NaN));
    const before = await subject.parameters.values.read();
    const trainer = new SFTTrainer(subject, { steps: 1, learningRate: 1 });
    await assert.rejects(trainer.step(await topicExamples(1)), TrainingDivergedError);
    assert.deepEqual(await subject.parameters.values.read(), before);
  }));

Deno.test("all weights learn, and the saved model's loss is the trained one's", () =>
  withDevice((device) =>
    withTempDir(async (dir) => {
      const trainable = await loadTrainableModel(device, MODEL);
      const plain = await loadLanguageModel(device, MODEL);
      assert.equal(trainable.parameters.count, plain.parameterCount);
      const subject = { ...trainable, adapter: null };
      const examples = await topicExamples(8);
      const before = await evaluateLoss(subject, examples);
      const frozen = await evaluateLoss({ model: plain, adapter: null }, examples);
      assert.ok(Math.abs(before - frozen) < 1e-5 * frozen);
      const trainer = new SFTTrainer(subject, { steps: 6, learningRate: 3e-3 });
      for (let step = 0; step < 6; step++) await trainer.step(examples);
      const after = await evaluateLoss(subject, examples);
      assert.ok(after < 0.6 * before, `${before} → ${after}`);
      await saveTrainableModel(trainable, MODEL, dir);
      const model = await loadLanguageModel(device, dir);
      const saved = await evaluateLoss({ model, adapter: null }, examples);
      assert.ok(Math.abs(saved - after) < 1e-5 * after);
      const config = JSON.parse(await Deno.readTextFile(`${dir}/config.json`));
      assert.equal(config.torch_dtype, "float32");
      const names = Array.from(Deno.readDirSync(dir), ({ name }) => name);
      assert.ok(names.includes("tokenizer.json"));
    })
  ));
