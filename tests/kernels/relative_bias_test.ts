import assert from "node:assert/strict";
import { Context } from "../../lib/tensor/context.ts";
import { relativeBias } from "../../lib/tensor/ops/relative_bias.ts";
import { deviceTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";

deviceTest(
  "relative bias: a row per bucket becomes a column per distance, and back",
  async (device) => {
    const buckets = [2, 2, 1, 0, 3, 4, 4];
    const heads = 3;
    const values = randomValues(5 * heads, 1);
    const cx = new Context(device, { grad: true });
    const weight = cx.from(values, [5, heads]);
    weight.requiresGrad = true;
    const table = relativeBias(cx, weight, cx.from(Int32Array.from(buckets)));
    const gradient = weight.grad = cx.empty(weight.shape);
    cx.zero(gradient);
    assert.deepEqual(table.shape, [heads, buckets.length]);
    const expected = new Float32Array(heads * buckets.length);
    const dTable = randomValues(expected.length, 2);
    const dWeight = new Float64Array(values.length);
    for (let head = 0; head < heads; head++) {
      buckets.forEach((bucket, i) => {
        const at = head * buckets.length + i;
        expected[at] = values[bucket * heads + head];
        dWeight[bucket * heads + head] += dTable[at];
      });
    }
    assert.deepEqual(await table.read(), expected);
    cx.backward([{ output: table, gradient: cx.from(dTable, table.shape) }]);
    assert.ok(relativeNorm(await gradient.read(), dWeight) < 1e-6);
    cx.release();
  },
);
