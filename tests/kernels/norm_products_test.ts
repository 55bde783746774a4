import assert from "node:assert/strict";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { layerNorm } from "../../kernels/layer_norm/layer_norm.ts";
import { rmsNorm } from "../../kernels/rms_norm/rms_norm.ts";
import { normProducts } from "../../kernels/norm_products/norm_products.ts";
import type { GpuDevice } from "../../lib/device/device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { gpuTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { layerNorm as layerNormReference } from "../reference/layer_norm.ts";
import { matmulReference, transpose } from "../reference/matmul.ts";
import { rmsNorm as rmsNormReference } from "../reference/rms_norm.ts";

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

gpuTest("normProducts: what the norm and products of it give, bit for bit", async (device) => {
  // Real GPUs spread a row over more workgroups.
  const dispatch = device.dispatch.bind(device);
  const hardware = { software: false, dispatch } as unknown as GpuDevice;
  for (const [rows, width, columns] of SHAPES) {
    for (const kind of ["rms", "offset", "layer"] as const) {
      const withBias = kind !== "rms";
      const cx = new Context(device);
      const [xs, weights] = [randomValues(rows * width, 1), randomValues(width, 2)];
      const [x, weight] = [cx.from(xs), cx.from(weights)];
      const all = columns.reduce((sum, n) => sum + n, 0);
      const biases = randomValues(all, 3);
      const shifts = randomValues(width, 9);
      const bias = withBias ? cx.from(biases) : null;
      const matrices = columns.map((n, i) => randomValues(n * width, i + 4));
      const shape = { rows, width };
      const norm = {
        weight,
        bias: kind === "layer" ? cx.from(shifts) : null,
        eps: EPS,
        weightOffset: kind === "offset" ? 1 : 0,
      };

      const normed = cx.empty([rows, width]);
      if (norm.bias) layerNorm(device, normed, null, x, weight, norm.bias, shape, EPS);
      else rmsNorm(device, normed, null, x, weight, null, shape, norm);
      const [xs64, weights64, shifts64] = [xs, weights, shifts].map((v) => Float64Array.from(v));
      const y = norm.bias
        ? layerNormReference(xs64, weights64, shifts64, EPS)
        : rmsNormReference(xs64, weights64, EPS, norm.weightOffset);
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

      const as = cx.emptyTogether(columns.map((n) => [n, width]));
      as.forEach((a, i) => a.write(matrices[i]));
      for (const gpu of [device, hardware]) {
        const y = cx.empty([rows, width]);
        const u = cx.empty([rows * all, 1]);
        let begin = 0;
        const products = columns.map((n, i) => {
          const own = { u: u.slice(begin, rows * n), a: as[i], n };
          begin += rows * n;
          return own;
        });
        normProducts(gpu, y, x, norm, shape, products, bias);
        const what = `${kind} ${rows} x ${width} with ${columns}`;
        assert.deepEqual(await y.read(), await normed.read(), `norm of ${what}`);
        for (const [i, product] of products.entries()) {
          assert.deepEqual(await product.u.read(), expected[i], `product ${i} of ${what}`);
        }
      }
      cx.release();
    }
  }
});
