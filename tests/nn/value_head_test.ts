import assert from "node:assert/strict";
import type { Device } from "../../lib/device/device.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { initValueHead, ValueHead, valueHeadSpecs } from "../../lib/nn/value_head.ts";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { applyNorm, type Norm } from "../../lib/tensor/ops/norm.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest, withDevice } from "../device.ts";
import { randomValues } from "../reference/check.ts";
import { dropoutMask } from "../reference/dropout.ts";
import { linearBackwardReference, linearReference } from "../reference/linear.ts";

function create(device: Device, width: number): Parameters {
  return Parameters.create(device, valueHeadSpecs(width), { trainable: true });
}

Deno.test("valueHeadSpecs: TRL's names and shapes", () => {
  assert.deepEqual(valueHeadSpecs(5), [
    { name: "v_head.summary.weight", shape: [1, 5] },
    { name: "v_head.summary.bias", shape: [1] },
  ]);
});

Deno.test("initValueHead: uniform in ±1/√d_model, by the seed", () =>
  withDevice(async (device) => {
    const init = async (seed: number) => {
      const parameters = create(device, 1600);
      initValueHead(parameters, seed);
      return [...(await parameters.readAll()).values()].map(({ data }) => data);
    };
    const [weight, bias] = await init(1);
    assert.ok([...weight, ...bias].every((value) => Math.abs(value) <= 1 / 40));
    assert.notEqual(bias[0], 0);
    const variance = weight.reduce((sum, x) => sum + x * x, 0) / weight.length;
    assert.ok(Math.abs(variance * 1600 * 3 - 1) < 0.1, `variance ${variance}, 1/4800 expected`);
    assert.deepEqual(await init(1), [weight, bias]);
    assert.notDeepEqual(await init(2), [weight, bias]);
  }));

for (const dropoutSeed of [undefined, 21]) {
  Deno.test(`ValueHead: values and gradients, dropout ${dropoutSeed ? "0.1" : "off"}`, () =>
    withDevice(async (device) => {
      for (const [m, k] of [[1, 1], [33, 70]]) {
        const random = new Random(m);
        const parameters = create(device, k);
        initValueHead(parameters, 3);
        const values = await parameters.readAll();
        const w = Float64Array.from(values.get("v_head.summary.weight")!.data);
        const bias = Float64Array.from(values.get("v_head.summary.bias")!.data);
        const hidden = randomValues(random, m * k);
        const mask = dropoutSeed
          ? dropoutMask(m * k, { p: 0.1, seed: dropoutSeed, stream: 0 })
          : hidden.map(() => 1);
        const c = { x: hidden.map((x, i) => x * mask[i]), w, bias, m, n: 1, k };
        const dOutput = randomValues(random, m);
        const gradients = linearBackwardReference(c, dOutput);
        const head = new ValueHead(parameters);
        await checkOp(device, {
          inputs: [{ name: "hidden", values: hidden, shape: [m, k] }],
          op: (cx, hidden) => head.forward(cx, hidden),
          output: linearReference(c),
          dOutput,
          gradients: [gradients.x.map((value, i) => value * mask[i])],
          tolerance: 2e-6,
          dropoutSeed,
        });
      }
    }));
}

deviceTest("ValueHead: values of a norm's rows in one go are those of forward", async (device) => {
  const [m, k] = [5, 70];
  const parameters = create(device, k);
  initValueHead(parameters, 3);
  const head = new ValueHead(parameters);
  const cx = new Context(device);
  const random = new Random(4);
  const values = (length: number) => cx.from(Float32Array.from(randomValues(random, length)));
  const h = cx.from(Float32Array.from(randomValues(random, m * k)), [m, k]);
  const weight = values(k);
  const norms: Norm[] = [
    { weight, eps: 1e-6 },
    { weight, eps: 1e-6, weightOffset: 1 },
    { weight, eps: 1e-5, bias: values(k) },
  ];
  for (const norm of norms) {
    const expected = applyNorm(cx, h, norm);
    const into = cx.empty([m]);
    const x = head.normWithValues(cx, h, norm, into);
    assert.deepEqual(await x.read(), await expected.read());
    assert.deepEqual(await into.read(), await head.forward(cx, expected).read());
  }
  cx.release();
});
