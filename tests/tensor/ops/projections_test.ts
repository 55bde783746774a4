import assert from "node:assert/strict";
import { appendToCache } from "../../../kernels/kv_cache/kv_cache.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { activation, gatedActivation } from "../../../lib/tensor/ops/activation.ts";
import { linear } from "../../../lib/tensor/ops/linear.ts";
import {
  normWithHead,
  projectActivated,
  projectHeads,
  type Projection,
  projectNormed,
} from "../../../lib/tensor/ops/projections.ts";
import { rmsNorm } from "../../../lib/tensor/ops/rms_norm.ts";
import type { Tensor } from "../../../lib/tensor/tensor.ts";
import { WeightMatrix } from "../../../lib/tensor/weight.ts";
import { deviceTest } from "../../device.ts";
import { randomValues } from "../../numeric.ts";
import { freeze } from "../freeze.ts";

/** Rows (65 are too many for the fused kernels), width of the input, width of the outputs. */
const SHAPES = [[1, 36, 24], [5, 33, 7], [65, 16, 48]];
/** Which of q, k and v, of wi and its gate, has an adapter of which rank. */
const RANKS = [[0, 0, 0], [8, 0, 4], [1, 3, 8], [0, 0, 4]];

for (const dtype of ["f32", "bf16"] as const) {
  deviceTest(`projections: as op by op, bit for bit, ${dtype}`, async (device) => {
    for (const [m, width, n] of SHAPES) {
      for (const ranks of RANKS) {
        const cx = new Context(device);
        let seed = 1;
        const values = (rows: number, columns: number) =>
          cx.from(randomValues(rows * columns, seed++), [rows, columns]);
        const layers = ranks.map((rank): Projection => ({
          weight: freeze(device, randomValues(n * width, seed++), n, width, dtype),
          lora: rank === 0
            ? null
            : { a: values(rank, width), b: values(n, rank), scale: 0.3, dropout: 0 },
        }));
        const [q, k, v] = layers;
        const h = values(m, width);
        const norm = { weight: values(1, width), eps: 1e-6 };
        const x = rmsNorm(cx, h, norm.weight, norm.eps);
        const project = (layer: Projection) => linear(cx, x, layer.weight, { lora: layer.lora });
        const same = async (actual: Tensor, expected: Tensor, what: string) =>
          assert.deepEqual(
            await actual.read(),
            await expected.read(),
            `${what}: ${m} x ${n} x ${width}, ranks ${ranks}`,
          );

        const rows = cx.from(Int32Array.from({ length: m }, (_, i) => 2 * (m - i) - 1));
        const cache = () => cx.from(new Float32Array(2 * m * n).fill(7), [2 * m, n]);
        const [slots, expected] = [0, 1].map(() => ({ k: cache(), v: cache(), rows }));
        const written = projectHeads(cx, h, norm, { q, k, v }, slots);
        await same(written.q, project(q), "queries");
        assert.deepEqual([written.k, written.v], [slots.k, slots.v]);
        appendToCache(device, expected, { k: project(k), v: project(v) }, rows, m, n);
        await same(slots.k, expected.k, "keys");
        await same(slots.v, expected.v, "values");

        const own = projectHeads(cx, h, norm, { q, k, v }, null);
        await same(own.q, project(q), "queries in a pass");
        await same(own.k, project(k), "keys in a pass");
        await same(own.v, project(v), "values in a pass");

        await same(projectNormed(cx, h, norm, q), project(q), "one projection");
        await same(
          projectActivated(cx, h, norm, k, v, "gelu_new"),
          gatedActivation(cx, project(k), project(v), "gelu_new"),
          "gated",
        );
        await same(
          projectActivated(cx, h, norm, q, null, "relu"),
          activation(cx, project(q), "relu"),
          "activated",
        );

        const head = { weight: WeightMatrix.trainable(values(1, width)), bias: values(1, 1) };
        const results = cx.empty([m, 1]);
        await same(normWithHead(cx, h, norm, head, results), x, "norm");
        await same(results, linear(cx, x, head.weight, { bias: head.bias }), "values");
        for (const { weight } of layers) weight.dispose(device);
        cx.release();
      }
    }
  });
}
