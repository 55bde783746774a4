import assert from "node:assert/strict";
import { Random } from "../../../lib/random.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { linear } from "../../../lib/tensor/ops/linear.ts";
import type { Tensor } from "../../../lib/tensor/tensor.ts";
import { WeightMatrix } from "../../../lib/tensor/weight.ts";
import { checkOp } from "../../check_op.ts";
import { withDevice } from "../../device.ts";
import { assertIsGradient, dot, fromBf16, randomValues, toBf16 } from "../../reference/check.ts";
import { dropoutMask } from "../../reference/dropout.ts";
import {
  linearBackwardReference,
  type LinearCase,
  linearReference,
} from "../../reference/linear.ts";
import { freeze } from "../freeze.ts";

/** f32 sums of some hundred products of order one. */
const TOLERANCE = 2e-6;

/** Rows, outputs, inputs, rank: one of each, widths that no tile divides, more rows than a block. */
const SHAPES = [
  [1, 1, 1, 1],
  [1, 17, 3, 2],
  [3, 16, 64, 8],
  [5, 33, 20, 3],
  [50, 130, 96, 16],
  [230, 9, 31, 8],
];

interface CaseOptions {
  added?: boolean;
  lora?: { dropout: number; seed?: number };
}

function randomCase(
  [m, n, k, r]: number[],
  { added = false, lora }: CaseOptions,
): LinearCase {
  const random = new Random(m * n + k);
  const values = (length: number) => randomValues(random, length);
  const mask = lora?.seed === undefined
    ? null
    : dropoutMask(m * k, { p: lora.dropout, seed: lora.seed, stream: 0 });
  return {
    ...{ m, n, k, x: values(m * k), w: values(n * k) },
    bias: added ? values(n) : null,
    residual: added ? values(m * n) : null,
    lora: lora ? { a: values(r * k), b: values(n * r), scale: 1.75, mask } : null,
  };
}

/** Checks output and all gradients; `frozen` is the weight's type, null for a trainable one. */
async function check(
  c: LinearCase,
  frozen: "f32" | "bf16" | null,
  dropout: { p: number; seed?: number } = { p: 0 },
): Promise<void> {
  await withDevice(async (device) => {
    const { m, n, k, lora } = c;
    if (frozen === "bf16") c.w = fromBf16(toBf16(c.w));
    const weight = frozen && freeze(device, c.w, n, k, frozen);
    const dOutput = randomValues(new Random(7), m * n);
    const expected = linearBackwardReference(c, dOutput);
    const inputs = [{ name: "x", values: c.x, shape: [m, k], gradient: expected.x }];
    const add = (name: keyof typeof expected, values: Float64Array, shape: number[]) =>
      inputs.push({ name, values, shape, gradient: expected[name] });
    if (!weight) add("w", c.w, [n, k]);
    if (c.bias) add("bias", c.bias, [n]);
    if (c.residual) add("residual", c.residual, [m, n]);
    if (lora) {
      add("a", lora.a, [lora.a.length / k, k]);
      add("b", lora.b, [n, lora.b.length / n]);
    }
    await checkOp(device, {
      inputs,
      op: (cx, ...tensors) => {
        const by = Object.fromEntries(inputs.map(({ name }, i) => [name, tensors[i]])) as Partial<
          Record<string, Tensor>
        >;
        return linear(cx, by.x!, weight ?? WeightMatrix.trainable(by.w!), {
          bias: by.bias,
          residual: by.residual,
          lora: lora && { a: by.a!, b: by.b!, scale: lora.scale, dropout: dropout.p },
        });
      },
      output: linearReference(c),
      dOutput,
      gradients: inputs.map(({ gradient }) => gradient),
      tolerance: TOLERANCE,
      dropoutSeed: dropout.seed,
    });
    weight?.dispose(device);
  });
}

for (const frozen of ["f32", "bf16", null] as const) {
  const weight = frozen ? `frozen ${frozen} weight` : "trainable weight";
  Deno.test(`linear: ${weight} alone`, async () => {
    for (const shape of SHAPES) await check(randomCase(shape, {}), frozen);
  });

  Deno.test(`linear: ${weight}, bias, residual and LoRA`, async () => {
    for (const shape of SHAPES) {
      await check(randomCase(shape, { added: true, lora: { dropout: 0 } }), frozen);
    }
  });
}

Deno.test("linear: LoRA's dropout falls on the update's input only", async () => {
  for (const shape of SHAPES) {
    const c = randomCase(shape, { lora: { dropout: 0.4, seed: 5 } });
    await check(c, "f32", { p: 0.4, seed: 5 });
  }
});

Deno.test("linear: a pass without dropout ignores LoRA's", () =>
  check(randomCase([5, 33, 20, 3], { lora: { dropout: 0.4 } }), "f32", { p: 0.4 }));

Deno.test("linear: gives back the memory of the update", () =>
  withDevice((device) => {
    const cx = new Context(device, { dropoutSeed: 1 });
    const [x, a, b, w] = [[4, 6], [2, 6], [3, 2], [3, 6]].map((shape) => cx.empty(shape));
    const { used } = device.memory;
    const lora = { a, b, scale: 1, dropout: 0.5 };
    const y = linear(cx, x, WeightMatrix.trainable(w), { lora });
    cx.free(y);
    assert.equal(device.memory.used, used);
    cx.release();
    return Promise.resolve();
  }));

Deno.test("linear: an input of another width is refused with both shapes", () =>
  withDevice((device) => {
    const cx = new Context(device);
    const weight = WeightMatrix.trainable(cx.empty([3, 5]));
    assert.throws(() => linear(cx, cx.empty([2, 4]), weight), /x is \[2, 4\], W is \[3, 5\]/);
    cx.release();
    return Promise.resolve();
  }));

Deno.test("linear: the reference's gradients are those of finite differences", () => {
  const c = randomCase([3, 4, 5, 2], { added: true, lora: { dropout: 0.3, seed: 2 } });
  const dy = randomValues(new Random(1), 12);
  const gradients = linearBackwardReference(c, dy);
  const { x, w, bias, residual, lora } = c;
  const parts = { x, w, bias: bias!, residual: residual!, a: lora!.a, b: lora!.b };
  for (const [name, values] of Object.entries(parts)) {
    const gradient = gradients[name as keyof typeof gradients];
    assertIsGradient(() => dot(linearReference(c), dy), values, gradient, name);
  }
});
