import assert from "node:assert/strict";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { packPanels, panelBytes } from "../../kernels/matmul/panels.ts";
import type { RightMatrix } from "../../kernels/matmul/product.ts";
import { WasmDevice } from "../../lib/device/wasm/wasm_device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { deviceTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { matmulReference, transpose } from "../reference/matmul.ts";
import { freeze } from "../tensor/freeze.ts";

/** Rows, columns, depth: one row, odd sizes, tiles that do not divide, blocks of K and of rows. */
const SHAPES = [
  [1, 1, 1],
  [1, 16, 8],
  [1, 33, 129],
  [2, 15, 3],
  [3, 48, 17],
  [4, 704, 128],
  [5, 31, 400],
  [7, 64, 64],
  [16, 100, 770],
  [97, 130, 65],
  [200, 36, 33],
  [390, 8, 128],
];

/** The nearest bf16, as an f32. */
function roundBf16(values: Float32Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(new Float32Array(values).buffer);
  for (let i = 0; i < bits.length; i++) {
    bits[i] = ((bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) >>> 16) << 16;
  }
  return new Float32Array(bits.buffer);
}

for (const dtype of ["f32", "bf16"] as const) {
  deviceTest(`matmul: a frozen weight in ${dtype}, forward and backward`, async (device) => {
    for (const [m, n, k] of SHAPES) {
      const cx = new Context(device);
      const a = randomValues(m * k, 1);
      const values = randomValues(k * n, 2);
      const b = dtype === "bf16" ? roundBf16(values) : values;
      const weights = {
        forward: freeze(device, transpose(values, k, n), n, k, dtype),
        backward: freeze(device, values, k, n, dtype),
      };
      const expected = matmulReference(a, b, m, n, k);
      for (const direction of ["forward", "backward"] as const) {
        const c = cx.empty([m, n]);
        const right = weights[direction][direction]();
        matmul(device, { c, a: cx.from(a), b: right, m, n, k });
        const error = relativeNorm(await c.read(), expected);
        assert.ok(error < 2e-6, `${direction} ${m}x${n}x${k}: relative error ${error}`);
        weights[direction].dispose(device);
      }
      cx.release();
    }
  });
}

deviceTest(
  "matmul: strided, transposed A, alpha, accumulate, bias, residual, extension",
  async (device) => {
    for (const [m, n, k] of SHAPES) {
      const cx = new Context(device);
      const a = randomValues(m * k, 3);
      const b = randomValues(k * n, 4);
      const r = 8;
      const a2 = randomValues(m * r, 5);
      const b2 = randomValues(r * n, 6);
      const bias = randomValues(n, 7);
      const start = randomValues(m * n, 8);
      const product = matmulReference(a, b, m, n, k);
      const product2 = matmulReference(a2, b2, m, n, r);
      const extension = {
        a: cx.from(a2),
        b: { kind: "strided", span: cx.from(b2), kStride: n, nStride: 1, alpha: 2 } as const,
        k: r,
      };
      const rowMajor: RightMatrix = {
        kind: "strided",
        span: cx.from(b),
        kStride: n,
        nStride: 1,
        alpha: 0.5,
      };
      const columnMajor: RightMatrix = {
        kind: "strided",
        span: cx.from(transpose(b, k, n)),
        kStride: 1,
        nStride: k,
        alpha: 0.5,
      };
      for (const right of [rowMajor, columnMajor]) {
        for (const transposedA of [false, true]) {
          const c = cx.from(start, [m, n]);
          matmul(device, {
            c,
            a: cx.from(transposedA ? transpose(a, m, k) : a),
            ...(transposedA ? { aRowStride: 1, aColumnStride: m } : {}),
            b: right,
            m,
            n,
            k,
            accumulate: true,
            bias: cx.from(bias),
            extension,
          });
          const expected = product.map((v, i) =>
            0.5 * v + 2 * product2[i] + start[i] + bias[i % n]
          );
          const error = relativeNorm(await c.read(), expected);
          assert.ok(error < 2e-6, `${m}x${n}x${k}: relative error ${error}`);
        }
      }
      const c = cx.empty([m, n]);
      const residual = cx.from(start);
      matmul(device, { c, a: cx.from(a), b: rowMajor, m, n, k, residual });
      const error = relativeNorm(await c.read(), product.map((v, i) => 0.5 * v + start[i]));
      assert.ok(error < 2e-6, `${m}x${n}x${k} with residual: relative error ${error}`);
      cx.release();
    }
  },
);

deviceTest(
  "matmul: a row's result does not depend on the rows beside it, bit for bit",
  async (device) => {
    // On a GPU, of all its variants.
    const [m, n, k] = [90, 97, 801];
    const cx = new Context(device);
    const a = randomValues(m * k, 9);
    const w = freeze(device, randomValues(n * k, 10), n, k, "bf16");
    const all = cx.empty([m, n]);
    matmul(device, { c: all, a: cx.from(a), b: w.forward(), m, n, k });
    const together = await all.read();
    for (const rows of [1, 2, 3, 4, 5, 6, 7, 15, 16, 17, 53]) {
      const c = cx.empty([rows, n]);
      const some = cx.from(a.slice(0, rows * k));
      matmul(device, { c, a: some, b: w.forward(), m: rows, n, k });
      assert.deepEqual(await c.read(), together.slice(0, rows * n), `${rows} rows`);
    }
    cx.release();
  },
);

deviceTest(
  "matmul: few rows with the columns of a row-major matrix are the same bits, and write no more",
  async (device) => {
    for (const [n, k] of [[16, 577], [8, 30], [3, 64], [5, 9], [13, 6], [20, 1], [97, 130]]) {
      const cx = new Context(device);
      const m = 30;
      const a = randomValues(m * k, 11);
      const span = cx.from(randomValues(n * k, 12));
      const b: RightMatrix = { kind: "strided", span, kStride: 1, nStride: k };
      const all = cx.empty([m, n]);
      matmul(device, { c: all, a: cx.from(a), b, m, n, k });
      const together = await all.read();
      const width = n + 3;
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 9]) {
        const before = new Float32Array(rows * width).fill(7);
        const c = cx.from(before, [rows, width]);
        const some = cx.from(a.slice(0, rows * k));
        matmul(device, { c, a: some, b, m: rows, n, k, cRowStride: width });
        const expected = before.map((x, i) =>
          i % width < n ? together[Math.floor(i / width) * n + i % width] : x
        );
        assert.deepEqual(await c.read(), expected, `${rows} rows, ${n} x ${k}`);
      }
      cx.release();
    }
  },
);

Deno.test("packPanels: a weight packed piece by piece is the weight packed at once", async () => {
  const device = await WasmDevice.create({ threads: 2 });
  const [rows, columns] = [40, 5];
  const cx = new Context(device);
  const w = cx.from(randomValues(rows * columns), [rows, columns]);
  for (const dtype of ["f32", "bf16"] as const) {
    const panels = () => ({ span: cx.empty([panelBytes(rows, columns, dtype) / 4]), dtype });
    const [whole, pieces] = [panels(), panels()];
    packPanels(device, whole, w, rows, columns);
    packPanels(device, pieces, w.slice(0, 32), 32, columns);
    packPanels(device, pieces, w.slice(32, 8), 8, columns, 32);
    assert.deepEqual(await pieces.span.readInts(), await whole.span.readInts());
  }
  device.close();
});
