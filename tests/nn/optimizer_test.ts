import assert from "node:assert/strict";
import { Adam } from "../../lib/nn/optimizer.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { Random } from "../../lib/random.ts";
import { deviceTest } from "../device.ts";
import { AdamReference } from "../reference/adam.ts";
import { assertClose, randomValues } from "../reference/check.ts";

const plain = { betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, decoupled: false } as const;
const cases = [
  { name: "Adam", config: plain, maxGradNorm: null },
  { name: "Adam, clipped", config: plain, maxGradNorm: 0.5 },
  { name: "Adam, norm below the clip", config: plain, maxGradNorm: 1e6 },
  { name: "Adam, weight decay", config: { ...plain, weightDecay: 0.1 }, maxGradNorm: null },
  {
    name: "AdamW, own betas and eps, clipped",
    config: { betas: [0.8, 0.95], eps: 1e-4, weightDecay: 0.1, decoupled: true } as const,
    maxGradNorm: 1,
  },
];

for (const { name, config, maxGradNorm } of cases) {
  deviceTest(`optimizer: ${name}, ten steps against f64`, async (device) => {
    const random = new Random(1);
    const length = 20_007;
    const specs = [{ name: "w", shape: [length] }];
    const parameters = Parameters.create(device, specs, { trainable: true });
    const start = randomValues(random, length);
    parameters.write("w", Float32Array.from(start));
    const optimizer = new Adam(parameters, config);
    const reference = new AdamReference(start.slice(), config);
    for (let step = 0; step < 10; step++) {
      const gradient = randomValues(random, length, 10 ** -step);
      const learningRate = 1e-2 / (step + 1);
      parameters.get("w").grad!.write(Float32Array.from(gradient));
      optimizer.step(learningRate, maxGradNorm);
      reference.step(gradient, learningRate, maxGradNorm);
      const norm = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0));
      assertClose(await optimizer.gradNorm.read(), [norm], 1e-7, "norm");
    }
    assert.equal(optimizer.stepCount, 10);
    const { data } = (await parameters.readAll()).get("w")!;
    // Of the way gone, not of the values.
    const moved = data.map((value, i) => value - start[i]);
    const expected = reference.theta.map((value, i) => value - start[i]);
    assertClose(moved, expected, 1e-5, "movement");
    assert.equal((await parameters.values.read())[length], 0);
    optimizer.dispose();
    parameters.dispose();
  });
}

deviceTest("optimizer: a gradient that is not finite changes nothing", async (device) => {
  const parameters = Parameters.create(device, [{ name: "w", shape: [100] }], {
    trainable: true,
  });
  parameters.write("w", new Float32Array(100).fill(1));
  const optimizer = new Adam(parameters, { weightDecay: 0.1, decoupled: true });
  for (const bad of [NaN, Infinity, -Infinity]) {
    parameters.get("w").grad!.write(new Float32Array(100).fill(bad, 37, 38));
    optimizer.step(1, 1);
    assert.ok(!Number.isFinite((await optimizer.gradNorm.read())[0]));
    const { data } = (await parameters.readAll()).get("w")!;
    assert.deepEqual(data, new Float32Array(100).fill(1));
    assert.ok((await optimizer.firstMoment.read()).every((m) => m === 0));
    assert.ok((await optimizer.secondMoment.read()).every((v) => v === 0));
  }
});

deviceTest("optimizer: resumes bit for bit from moments and step count", async (device) => {
  const random = new Random(2);
  const gradients = [0, 1, 2, 3].map(() => Float32Array.from(randomValues(random, 70)));
  const start = () => {
    const parameters = Parameters.create(device, [{ name: "w", shape: [70] }], {
      trainable: true,
    });
    return { parameters, optimizer: new Adam(parameters) };
  };
  const run = ({ parameters, optimizer }: ReturnType<typeof start>, steps: Float32Array[]) => {
    for (const gradient of steps) {
      parameters.get("w").grad!.write(gradient);
      optimizer.step(0.1);
    }
  };
  const whole = start();
  run(whole, gradients);
  const first = start();
  run(first, gradients.slice(0, 2));
  const second = start();
  second.parameters.values.write(await first.parameters.values.read());
  second.optimizer.firstMoment.write(await first.optimizer.firstMoment.read());
  second.optimizer.secondMoment.write(await first.optimizer.secondMoment.read());
  second.optimizer.stepCount = first.optimizer.stepCount;
  run(second, gradients.slice(2));
  assert.deepEqual(await second.parameters.values.read(), await whole.parameters.values.read());
});

deviceTest("optimizer: needs trainable parameters", (device) => {
  const parameters = Parameters.create(device, [{ name: "w", shape: [1] }], { trainable: false });
  assert.throws(() => new Adam(parameters), /trainable/);
  return Promise.resolve();
});
