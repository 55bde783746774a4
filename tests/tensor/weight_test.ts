import assert from "node:assert/strict";
import { matmul } from "../../kernels/matmul/matmul.ts";
import type { RightMatrix } from "../../kernels/matmul/product.ts";
import type { Device } from "../../lib/device/device.ts";
import { Random } from "../../lib/random.ts";
import { Context } from "../../lib/tensor/context.ts";
import { WeightMatrix } from "../../lib/tensor/weight.ts";
import { withDevice } from "../device.ts";
import { fromBf16, randomValues, toBf16 } from "../reference/check.ts";
import { freeze } from "./freeze.ts";

/** B[k, n] itself, read through a product with the identity. */
async function values(device: Device, b: RightMatrix, k: number, n: number): Promise<number[]> {
  const cx = new Context(device);
  const identity = new Float32Array(k * k);
  for (let i = 0; i < k; i++) identity[i * k + i] = 1;
  const c = cx.empty([k, n]);
  matmul(device, { c, a: cx.from(identity), b, m: k, n, k });
  const result = [...await c.read()];
  cx.release();
  return result;
}

for (const kind of ["f32", "bf16", "trainable"] as const) {
  Deno.test(`WeightMatrix: ${kind}, whole and sliced, forward and backward`, () =>
    withDevice(async (device) => {
      for (const [rows, columns] of [[1, 1], [37, 5], [64, 20]]) {
        const exact = randomValues(new Random(rows), rows * columns);
        const w = kind === "bf16" ? fromBf16(toBf16(exact)) : exact;
        const data = Float32Array.from(w);
        const cx = new Context(device);
        const whole = kind === "trainable"
          ? WeightMatrix.trainable(cx.from(data, [rows, columns]))
          : freeze(device, data, rows, columns, kind);
        for (const [first, count] of [[0, rows], [16, 16], [32, rows - 32]]) {
          if (first + count > rows || count <= 0) continue;
          const part = first === 0 ? whole : whole.slice(first, count);
          assert.deepEqual([part.rows, part.columns], [count, columns]);
          const expected = [...w.subarray(first * columns, (first + count) * columns)];
          assert.deepEqual(await values(device, part.backward(), count, columns), expected);
          const transposed = Array.from(
            { length: expected.length },
            (_, i) => expected[(i % count) * columns + Math.floor(i / count)],
          );
          assert.deepEqual(await values(device, part.forward(), columns, count), transposed);
        }
        cx.release();
        whole.dispose(device);
        assert.equal(device.memory.used, 0);
      }
    }));
}

Deno.test("WeightMatrix: a weight larger than the staging memory is packed piece by piece", () =>
  withDevice(async (device) => {
    const [rows, columns] = [2100, 1024]; // 8.2 MiB
    const data = Float32Array.from({ length: rows * columns }, (_, i) => i % 8191);
    const weight = freeze(device, data, rows, columns, "f32");
    for (const row of [0, 1023, 2047, 2048, 2099]) {
      const part = weight.slice(row - row % 16, Math.min(16, rows - row + row % 16));
      const cx = new Context(device);
      const y = cx.empty([1, columns]);
      const pick = Float32Array.from({ length: part.rows }, (_, i) => Number(i === row % 16));
      const [n, k] = [columns, part.rows];
      matmul(device, { c: y, a: cx.from(pick), b: part.backward(), m: 1, n, k });
      assert.deepEqual(await y.read(), data.slice(row * columns, (row + 1) * columns));
      cx.release();
    }
    weight.dispose(device);
    assert.equal(device.memory.used, 0);
  }));
