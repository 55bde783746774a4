import assert from "node:assert/strict";
import { PPO_LOSS_STATISTICS, ppoLoss } from "../../kernels/ppo_loss/ppo_loss.ts";
import type { Device } from "../../lib/device/device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { uploadLists } from "../../lib/tensor/lists.ts";
import { deviceTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import {
  type PPOLossCase,
  ppoLossGradientReference,
  ppoLossReference,
} from "../reference/ppo_loss.ts";

function makeCase(tokens: number): PPOLossCase {
  const oldLogprobs = randomValues(tokens, 1).map((x) => x - 2);
  const oldValues = randomValues(tokens, 2);
  return {
    oldLogprobs,
    oldValues,
    // Ratios and values on both sides of the clip range.
    logprobs: randomValues(tokens, 3).map((x, i) => oldLogprobs[i] + 0.5 * x),
    values: randomValues(tokens, 4).map((x, i) => oldValues[i] + 0.5 * x),
    advantages: randomValues(tokens, 5),
    returns: randomValues(tokens, 6),
    entropy: randomValues(tokens, 7).map((x) => x + 2),
    mask: Float32Array.from({ length: tokens }, (_, i) => Number(i % 5 !== 1)),
    clipRange: 0.2,
    clipRangeValue: 0.2,
    vfCoef: 0.1,
  };
}

async function run(device: Device, c: PPOLossCase, gradScale = 1) {
  const cx = new Context(device);
  const tokens = c.mask.length;
  const tensor = (x: ArrayLike<number>) => cx.from(Float32Array.from(x));
  const given = [c.oldLogprobs, c.oldValues, c.advantages, c.returns, c.mask];
  const [oldLogprobs, oldValues, advantages, returns, mask] = uploadLists(
    cx,
    given.map((list) => Float32Array.from(list)),
  );
  const inputs = {
    logprobs: tensor(c.logprobs),
    values: tensor(c.values),
    entropy: tensor(c.entropy),
    ...{ oldLogprobs, oldValues, advantages, returns, mask, tokens },
  };
  const statistics = cx.empty([PPO_LOSS_STATISTICS.length]);
  const [dLogprobs, dValues] = [cx.empty([tokens]), cx.empty([tokens])];
  const { clipRange, clipRangeValue, vfCoef } = c;
  const options = { clipRange, clipRangeValue, vfCoef, gradScale };
  ppoLoss(device, inputs, options, { statistics, dLogprobs, dValues });
  const numbers = await statistics.read();
  const result = {
    statistics: Object.fromEntries(PPO_LOSS_STATISTICS.map((name, i) => [name, numbers[i]])),
    dLogprobs: await dLogprobs.read(),
    dValues: await dValues.read(),
  };
  cx.release();
  return result;
}

for (const tokens of [1, 7, 300]) {
  deviceTest(
    `PPO loss of ${tokens} tokens agrees with f64, its gradients with differences`,
    async (device) => {
      const c = makeCase(tokens);
      const actual = await run(device, c);
      for (const [name, expected] of Object.entries(ppoLossReference(c))) {
        const error = Math.abs(actual.statistics[name] - expected);
        assert.ok(error < 1e-6 * Math.max(1, Math.abs(expected)), `${name}: off by ${error}`);
      }
      const expected = ppoLossGradientReference(c);
      assert.ok(relativeNorm(actual.dLogprobs, expected.dLogprobs) < 1e-6, "dLogprobs");
      assert.ok(relativeNorm(actual.dValues, expected.dValues) < 1e-6, "dValues");
    },
  );
}

deviceTest(
  "PPO loss: an unchanged policy has ratio 1 exactly and the gradient -A / count",
  async (device) => {
    const c = makeCase(10);
    c.logprobs = c.oldLogprobs;
    c.values = c.oldValues;
    const { statistics, dLogprobs, dValues } = await run(device, c);
    assert.equal(statistics["ppo/policy/ratio"], 1);
    assert.equal(statistics["ppo/policy/approxkl"], 0);
    assert.equal(statistics["ppo/policy/clipfrac"], 0);
    assert.equal(statistics["ppo/val/clipfrac"], 0);
    const masked = (i: number, x: number) => c.mask[i] ? x / 8 : 0;
    const expected = Array.from(c.advantages, (a, i) => masked(i, -a));
    assert.ok(relativeNorm(dLogprobs, expected) < 1e-6);
    const errors = Array.from(c.values, (v, i) => masked(i, 0.1 * (v - c.returns[i])));
    assert.ok(relativeNorm(dValues, errors) < 1e-6);
  },
);

deviceTest("PPO loss: equal losses share the gradient as torch's max does", async (device) => {
  const one = (x: number) => Float32Array.of(x);
  const c: PPOLossCase = {
    ...{ logprobs: one(0), oldLogprobs: one(0), advantages: one(0), entropy: one(1) },
    // v = 1 and its clipped value 0.5 are equally far from R = 0.75, so each side gets half;
    // the clipped side passes nothing on.
    ...{ values: one(1), oldValues: one(0.25), returns: one(0.75), mask: one(1) },
    ...{ clipRange: 0.2, clipRangeValue: 0.25, vfCoef: 1 },
  };
  assert.equal((await run(device, c)).dValues[0], 0.125);
  // v on the bound itself: torch.min(v, bound) passes half, torch.max(v, clipped) halves again.
  const onBound = { ...c, values: one(0.5) };
  assert.equal((await run(device, onBound)).dValues[0], -0.25 * 0.75);
});

deviceTest(
  "PPO loss: gradScale scales gradients only; NaN where nothing counts is ignored",
  async (device) => {
    const c = makeCase(25);
    const whole = await run(device, c);
    const broken = { ...c, logprobs: Array.from(c.logprobs, (x, i) => c.mask[i] ? x : NaN) };
    const scaled = await run(device, broken, 0.25);
    assert.deepEqual(scaled.statistics, whole.statistics);
    assert.deepEqual(scaled.dLogprobs, whole.dLogprobs.map((x) => x / 4));
    assert.deepEqual(scaled.dValues, whole.dValues.map((x) => x / 4));
  },
);

deviceTest(
  "PPO loss: a loss that is not finite has no finite gradient, so nothing is updated",
  async (device) => {
    const c = makeCase(3);
    // The squared error of the value overflows f32; its slope does not.
    const { statistics, dLogprobs } = await run(device, { ...c, returns: [1e25, 0, 0] });
    assert.equal(statistics["ppo/loss/total"], Infinity);
    assert.ok(dLogprobs.every(Number.isNaN));
  },
);
