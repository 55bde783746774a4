import assert from "node:assert/strict";
import type { ActivationKind } from "../../kernels/activation/activation.ts";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { activation, gatedActivation } from "../../lib/tensor/ops/activation.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { checkOp } from "../check_op.ts";
import { deviceTest } from "../device.ts";
import { derivatives, functions } from "../reference/activation.ts";
import { assertIsGradient, randomValues } from "../reference/check.ts";

const kinds: ActivationKind[] = ["relu", "gelu", "gelu_new", "silu", "tanh"];
/** Relative error in norm. Most are 1e-7; a lone slope near its zero has 1.3e-6. */
const TOLERANCE = 2e-6;

for (const kind of kinds) {
  const f = functions[kind];
  const derivative = derivatives[kind];

  deviceTest(`activation: ${kind}, output and gradient`, async (device) => {
    for (const [rows, width] of [[1, 1], [3, 5], [37, 611]]) {
      const random = new Random(width);
      // A lone value where gelu is almost 0 has no relative accuracy.
      const x = randomValues(random, rows * width, rows > 1 ? 5 : 1);
      const dOutput = randomValues(random, x.length);
      await checkOp(device, {
        inputs: [{ name: "x", values: x, shape: [rows, width] }],
        op: (cx, x) => activation(cx, x, kind),
        output: x.map(f),
        dOutput,
        gradients: [x.map((value, i) => dOutput[i] * derivative(value))],
        tolerance: TOLERANCE,
      });
    }
  });

  deviceTest(`gatedActivation: ${kind}, output and gradients`, async (device) => {
    for (const [rows, width] of [[1, 1], [2, 3], [9, 1021]]) {
      const random = new Random(width);
      // A lone value where gelu is almost 0 has no relative accuracy.
      const x = randomValues(random, rows * width, rows > 1 ? 5 : 1);
      const gate = randomValues(random, x.length, 2);
      const dOutput = randomValues(random, x.length);
      await checkOp(device, {
        inputs: [
          { name: "x", values: x, shape: [rows, width] },
          { name: "gate", values: gate, shape: [rows, width] },
        ],
        op: (cx, x, gate) => gatedActivation(cx, x, gate, kind),
        output: x.map((value, i) => f(value) * gate[i]),
        dOutput,
        gradients: [
          x.map((value, i) => dOutput[i] * derivative(value) * gate[i]),
          x.map((value, i) => dOutput[i] * f(value)),
        ],
        tolerance: TOLERANCE,
      });
    }
  });

  deviceTest(
    `activation: ${kind} is within 1e-6 everywhere, right at the far ends, NaN on NaN`,
    async (device) => {
      const cx = new Context(device);
      const x = Float64Array.from({ length: 20001 }, (_, i) => Math.fround((i - 10000) / 1500));
      const y = await activation(cx, cx.from(Float32Array.from(x)), kind).read();
      const worst = Math.max(...x.map((value, i) => Math.abs(y[i] - f(value))));
      assert.ok(worst <= 1e-6, `${worst}`);
      const ends = await activation(cx, cx.from(new Float32Array([-1e4, 1e4, 0, NaN])), kind)
        .read();
      assert.deepEqual([...ends].map((end) => end + 0), [f(-1e4) + 0, f(1e4), 0, NaN]);
      cx.release();
    },
  );

  Deno.test(`reference: the derivative of ${kind}`, () => {
    const x = randomValues(new Random(5), 20, 3);
    const sum = () => x.reduce((total, value) => total + f(value), 0);
    assertIsGradient(sum, x, x.map(derivative), kind);
  });
}

deviceTest(
  "activation: a layer computes outputs again, with the same gradients",
  async (device) => {
    const shape = [9, 64];
    const values = (seed: number) => Float32Array.from(randomValues(new Random(seed), 9 * 64, 2));
    const gradients = [];
    for (const inLayer of [true, false]) {
      const cx = new Context(device, { grad: true });
      const outer = new Context(device);
      const [x, gate] = [1, 2].map((seed) => {
        const tensor = outer.from(values(seed), shape);
        tensor.requiresGrad = true;
        tensor.grad = outer.from(new Float32Array(tensor.length), shape);
        return tensor;
      });
      // Each reads the one before in its backward pass.
      const body = (x: Tensor) =>
        activation(cx, activation(cx, gatedActivation(cx, x, gate, "silu"), "gelu_new"), "tanh");
      const before = device.memory.used;
      const output = inLayer ? cx.layer(x, body) : body(x);
      assert.equal(device.memory.used - before, (inLayer ? 1 : 3) * x.length * 4);
      cx.backward([{ output, gradient: outer.from(values(3), shape) }]);
      gradients.push([await x.grad!.read(), await gate.grad!.read()]);
      cx.release();
      outer.release();
    }
    assert.deepEqual(gradients[0], gradients[1]);
  },
);
