import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { rmsNorm } from "../../lib/tensor/ops/rms_norm.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest } from "../device.ts";
import { assertIsGradient, dot, randomValues } from "../reference/check.ts";
import * as reference from "../reference/rms_norm.ts";

const EPS = 1e-6;

for (const [rows, width] of [[1, 3], [1, 768], [3, 7], [301, 67], [5, 5000]]) {
  deviceTest(`rmsNorm: [${rows}, ${width}], output and gradients`, async (device) => {
    const random = new Random(rows);
    const x = randomValues(random, rows * width, 3);
    const weight = randomValues(random, width, 2);
    const dOutput = randomValues(random, rows * width);
    const { dx, dWeight } = reference.rmsNormBackward(dOutput, x, weight, EPS);
    await checkOp(device, {
      inputs: [
        { name: "x", values: x, shape: [rows, width] },
        { name: "weight", values: weight, shape: [width] },
      ],
      op: (cx, x, weight) => rmsNorm(cx, x, weight, EPS),
      output: reference.rmsNorm(x, weight, EPS),
      dOutput,
      gradients: [dx, dWeight],
      tolerance: 2e-6,
    });
  });
}

deviceTest("rmsNorm: with an offset of the weight and a residual", async (device) => {
  for (const [rows, width] of [[1, 2], [37, 99], [4, 1152]]) {
    const random = new Random(width);
    const x = randomValues(random, rows * width, 3);
    const weight = randomValues(random, width, 2);
    const residual = randomValues(random, rows * width, 2);
    const dOutput = randomValues(random, rows * width);
    const { dx, dWeight } = reference.rmsNormBackward(dOutput, x, weight, EPS, 1);
    const normed = reference.rmsNorm(x, weight, EPS, 1);
    await checkOp(device, {
      inputs: [
        { name: "x", values: x, shape: [rows, width] },
        { name: "weight", values: weight, shape: [width] },
        { name: "residual", values: residual, shape: [rows, width] },
      ],
      op: (cx, x, weight, residual) => rmsNorm(cx, x, weight, EPS, { weightOffset: 1, residual }),
      output: normed.map((value, i) => value + residual[i]),
      dOutput,
      gradients: [dx, dWeight, dOutput],
      tolerance: 2e-6,
    });
  }
});

deviceTest("rmsNorm: a row does not depend on the other rows", async (device) => {
  const cx = new Context(device);
  const x = cx.from(Float32Array.from(randomValues(new Random(1), 300 * 65)), [300, 65]);
  const weight = cx.from(Float32Array.from(randomValues(new Random(2), 65)));
  const all = await rmsNorm(cx, x, weight, EPS).read();
  const one = await rmsNorm(cx, x.slice(299, 1), weight, EPS).read();
  assert.deepEqual([...one], [...all.subarray(299 * 65)]);
  cx.release();
});

Deno.test("reference: rmsNorm's gradients", () => {
  const random = new Random(3);
  const x = randomValues(random, 2 * 5);
  const weight = randomValues(random, 5);
  const dy = randomValues(random, 2 * 5);
  for (const offset of [0, 1]) {
    const { dx, dWeight } = reference.rmsNormBackward(dy, x, weight, EPS, offset);
    const f = () => dot(reference.rmsNorm(x, weight, EPS, offset), dy);
    assertIsGradient(f, x, dx, "dx");
    assertIsGradient(f, weight, dWeight, "dWeight");
  }
});
