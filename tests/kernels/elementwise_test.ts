import assert from "node:assert/strict";
import {
  add as addKernel,
  fill,
  scale as scaleKernel,
} from "../../kernels/elementwise/elementwise.ts";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { add, scale } from "../../lib/tensor/ops/elementwise.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest } from "../device.ts";
import { randomValues } from "../reference/check.ts";

const lengths = [1, 4, 7, 16384, 40002];

deviceTest("add: output and gradients, an input used twice included", async (device) => {
  for (const length of lengths) {
    const random = new Random(length);
    const a = randomValues(random, length);
    const b = randomValues(random, length);
    const dOutput = randomValues(random, length);
    const inputs = [
      { name: "a", values: a, shape: [length] },
      { name: "b", values: b, shape: [length] },
    ];
    await checkOp(device, {
      inputs,
      op: add,
      output: a.map((value, i) => value + b[i]),
      dOutput,
      gradients: [dOutput, dOutput],
      tolerance: 1e-7,
    });
    await checkOp(device, {
      inputs: [inputs[0]],
      op: (cx, a) => add(cx, a, a),
      output: a.map((value) => 2 * value),
      dOutput,
      gradients: [dOutput.map((value) => 2 * value)],
      tolerance: 1e-7,
    });
  }
});

deviceTest("scale: output and gradient", async (device) => {
  for (const length of lengths) {
    const random = new Random(length);
    const x = randomValues(random, length);
    const dOutput = randomValues(random, length);
    await checkOp(device, {
      inputs: [{ name: "x", values: x, shape: [length] }],
      op: (cx, x) => scale(cx, x, -1.75),
      output: x.map((value) => -1.75 * value),
      dOutput,
      gradients: [dOutput.map((value) => -1.75 * value)],
      tolerance: 1e-7,
    });
  }
});

deviceTest("fill, add and scale write their elements only, in place too", async (device) => {
  const cx = new Context(device);
  for (const length of [1, 2, 3, 5, 16389]) {
    const x = cx.from(new Float32Array(length + 4).fill(3));
    const ones = cx.from(new Float32Array(length + 4).fill(1));
    const check = async (value: number) => {
      const expected = new Float32Array(length + 4).fill(value, 0, length).fill(3, length);
      assert.deepEqual(await x.read(), expected);
    };
    fill(device, x, length, 5);
    await check(5);
    addKernel(device, x, x, ones, length);
    await check(6);
    scaleKernel(device, x, x, length, 2);
    await check(12);
    scaleKernel(device, x, ones, length, 0.5, true);
    await check(12.5);
    addKernel(device, x, null, ones, length);
    await check(1);
  }
  cx.release();
});
