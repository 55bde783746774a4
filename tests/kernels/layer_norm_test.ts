import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { layerNorm } from "../../lib/tensor/ops/layer_norm.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest } from "../device.ts";
import { assertIsGradient, dot, randomValues } from "../reference/check.ts";
import * as reference from "../reference/layer_norm.ts";

const EPS = 1e-5;

for (const [rows, width] of [[1, 3], [1, 768], [3, 7], [301, 67], [5, 5000]]) {
  deviceTest(`layerNorm: [${rows}, ${width}], output and gradients`, async (device) => {
    const random = new Random(rows);
    // Off centre, as the rows of a real model are.
    const x = randomValues(random, rows * width, 3).map((value) => Math.fround(value + 2));
    const weight = randomValues(random, width, 2);
    const bias = randomValues(random, width);
    const dOutput = randomValues(random, rows * width);
    const { dx, dWeight, dBias } = reference.layerNormBackward(dOutput, x, weight, EPS);
    await checkOp(device, {
      inputs: [
        { name: "x", values: x, shape: [rows, width] },
        { name: "weight", values: weight, shape: [width] },
        { name: "bias", values: bias, shape: [width] },
      ],
      op: (cx, x, weight, bias) => layerNorm(cx, x, weight, bias, EPS),
      output: reference.layerNorm(x, weight, bias, EPS),
      dOutput,
      gradients: [dx, dWeight, dBias],
      tolerance: 2e-6,
    });
  });
}

deviceTest("layerNorm: a row does not depend on the other rows", async (device) => {
  const cx = new Context(device);
  const x = cx.from(Float32Array.from(randomValues(new Random(1), 300 * 65)), [300, 65]);
  const weight = cx.from(Float32Array.from(randomValues(new Random(2), 65)));
  const all = await layerNorm(cx, x, weight, weight, EPS).read();
  const one = await layerNorm(cx, x.slice(299, 1), weight, weight, EPS).read();
  assert.deepEqual([...one], [...all.subarray(299 * 65)]);
  cx.release();
});

Deno.test("reference: layerNorm's gradients", () => {
  const random = new Random(3);
  const x = randomValues(random, 2 * 5);
  const weight = randomValues(random, 5);
  const bias = randomValues(random, 5);
  const dy = randomValues(random, 2 * 5);
  const { dx, dWeight, dBias } = reference.layerNormBackward(dy, x, weight, EPS);
  const f = () => dot(reference.layerNorm(x, weight, bias, EPS), dy);
  assertIsGradient(f, x, dx, "dx");
  assertIsGradient(f, weight, dWeight, "dWeight");
  assertIsGradient(f, bias, dBias, "dBias");
});
