import assert from "node:assert/strict";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { rmsNorm } from "../../kernels/rms_norm/rms_norm.ts";
import { rmsNormProducts } from "../../kernels/rms_norm/rms_norm_products.ts";
import type { GpuDevice } from "../../lib/device/device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { gpuTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { matmulReference, transpose } from "../reference/matmul.ts";
import * as reference from "../reference/rms_norm.ts";

const EPS = 1e-6;

/** Rows, width and the columns of each product: of one workgroup, of several, of a whole one. */
const SHAPES: [number, number, number[]][] = [
  [1, 1, [1]],
  [1, 770, [8, 8]],
  [3, 33, [4, 1, 70]],
  [17, 128, [32, 32]],
  [5, 512, [1]],
  [2, 1100, [9, 63, 64]],
];

gpuTest("rmsNormProducts: what the norm and products of it give, bit for bit", async (device) => {
  // Real GPUs spread a row over more workgroups.
  const dispatch = device.dispatch.bind(device);
  const hardware = { software: false, dispatch } as unknown as GpuDevice;
  for (const [rows, width, columns] of SHAPES) {
    for (const withBias of [false, true]) {
      const cx = new Context(device);
      const [xs, weights] = [randomValues(rows * width, 1), randomValues(width, 2)];
      const [x, weight] = [cx.from(xs), cx.from(weights)];
      const all = columns.reduce((sum, n) => sum + n, 0);
      const biases = randomValues(all, 3);
      const bias = withBias ? cx.from(biases) : null;
      const matrices = columns.map((n, i) => randomValues(n * width, i + 4));
      const shape = { rows, width };
      const constants = { eps: EPS, weightOffset: withBias ? 1 : 0 };

      const normed = cx.empty([rows, width]);
      rmsNorm(device, normed, null, x, weight, null, shape, constants);
      let first = 0;
      const expected = await Promise.all(columns.map(async (n, i) => {
        const c = cx.empty([rows, n]);
        const a = cx.from(matrices[i]);
        const own = bias && { buffer: bias.buffer, byteOffset: first * 4 };
        const biased = biases.subarray(first, first += n);
        matmul(device, {
          c,
          a: normed,
          b: { kind: "strided", span: a, kStride: 1, nStride: width },
          m: rows,
          n,
          k: width,
          bias: own,
        });
        const y = reference.rmsNorm(
          Float64Array.from(xs),
          Float64Array.from(weights),
          EPS,
          constants.weightOffset,
        );
        const product = matmulReference(
          Float32Array.from(y),
          transpose(matrices[i], n, width),
          rows,
          n,
          width,
        ).map((value, at) => value + (withBias ? biased[at % n] : 0));
        const result = await c.read();
        assert.ok(relativeNorm(result, product) < 5e-6, `${rows} x ${width} x ${n}`);
        return result;
      }));

      for (const gpu of [device, hardware]) {
        const y = cx.empty([rows, width]);
        const u = cx.empty([rows * all, 1]);
        let begin = 0;
        const products = columns.map((n, i) => {
          const own = { u: u.slice(begin, rows * n), a: cx.from(matrices[i]), n };
          begin += rows * n;
          return own;
        });
        rmsNormProducts(gpu, y, x, weight, shape, constants, products, bias);
        const what = `${rows} x ${width} with ${columns}`;
        assert.deepEqual(await y.read(), await normed.read(), `norm of ${what}`);
        for (const [i, product] of products.entries()) {
          assert.deepEqual(await product.u.read(), expected[i], `product ${i} of ${what}`);
        }
      }
      cx.release();
    }
  }
});
