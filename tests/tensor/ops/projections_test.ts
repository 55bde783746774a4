import assert from "node:assert/strict";
import { appendToCache } from "../../../kernels/kv_cache/kv_cache.ts";
import { Context } from "../../../lib/tensor/context.ts";
import { activation, gatedActivation } from "../../../lib/tensor/ops/activation.ts";
import { linear } from "../../../lib/tensor/ops/linear.ts";
import { applyNorm, type Norm } from "../../../lib/tensor/ops/norm.ts";
import {
  normWithHead,
  projectActivated,
  projectHeads,
  type Projection,
  projectKeys,
  projectNormed,
} from "../../../lib/tensor/ops/projections.ts";
import { rotary } from "../../../lib/tensor/ops/rotary.ts";
import type { Tensor } from "../../../lib/tensor/tensor.ts";
import { WeightMatrix } from "../../../lib/tensor/weight.ts";
import type { Device } from "../../../lib/device/device.ts";
import type { WebGpuDevice } from "../../../lib/device/webgpu/webgpu_device.ts";
import { Parameters } from "../../../lib/nn/parameters.ts";
import { deviceTest, gpuTest } from "../../device.ts";
import { randomValues } from "../../numeric.ts";
import { freezeTogether } from "../freeze.ts";

/** Rows (65 are too many for the fused kernels), width of the input, widths of queries and of keys. */
const SHAPES = [[1, 36, 24, 24], [5, 33, 7, 7], [65, 16, 48, 48], [3, 20, 32, 8]];
/** Which of q, k and v, of wi and its gate, has an adapter of which rank. */
const RANKS = [[0, 0, 0], [8, 0, 4], [1, 3, 8], [0, 0, 4]];

/** A case's tensors, of random values. */
class Fixture {
  readonly cx: Context;
  #seed = 1;
  readonly #weights: WeightMatrix[] = [];

  constructor(readonly device: Device, readonly dtype: "f32" | "bf16") {
    this.cx = new Context(device);
  }

  values(rows: number, columns: number): Tensor {
    return this.cx.from(randomValues(rows * columns, this.#seed++), [rows, columns]);
  }

  /** Tensors in one block. */
  together(shapes: readonly (readonly [number, number])[]): Tensor[] {
    const tensors = this.cx.emptyTogether(shapes);
    for (const tensor of tensors) tensor.write(randomValues(tensor.length, this.#seed++));
    return tensors;
  }

  /** Layers of one input, by their widths and ranks, in memory as models have them. */
  layers(
    outs: readonly number[],
    width: number,
    ranks: readonly number[],
    withBias: boolean,
  ): Projection[] {
    const weights = freezeTogether(
      this.device,
      outs.map((out) => [randomValues(out * width, this.#seed++), out, width]),
      this.dtype,
    );
    this.#weights.push(...weights);
    const biases = this.together(outs.map((out) => [1, out]));
    const parameters = this.together(
      outs.flatMap((out, i) => [[ranks[i], width] as const, [out, ranks[i]] as const]),
    );
    return weights.map((weight, i) => {
      const [a, b] = parameters.slice(2 * i);
      return {
        weight,
        bias: withBias ? biases[i] : null,
        lora: ranks[i] === 0 ? null : { a, b, scale: 0.3, dropout: 0 },
      };
    });
  }

  norms(width: number): Norm[] {
    const weight = this.values(1, width);
    return [
      { weight, eps: 1e-6 },
      { weight, eps: 1e-6, weightOffset: 1 },
      { weight, eps: 1e-5, bias: this.values(1, width) },
    ];
  }

  release(): void {
    for (const weight of this.#weights) weight.dispose(this.device);
    this.cx.release();
  }
}

async function assertSame(actual: Tensor, expected: Tensor, what: string): Promise<void> {
  assert.deepEqual(await actual.read(), await expected.read(), what);
}

for (const dtype of ["f32", "bf16"] as const) {
  deviceTest(`projections: as op by op, bit for bit, ${dtype}`, async (device) => {
    for (const [shape, [m, width, n, keyWidth]] of SHAPES.entries()) {
      for (const [i, ranks] of RANKS.entries()) {
        const fixture = new Fixture(device, dtype);
        const { cx } = fixture;
        const widths = [n, keyWidth, keyWidth];
        const [q, k, v] = fixture.layers(widths, width, ranks, i % 2 === 1);
        const h = fixture.values(m, width);
        // Each norm with each kind of adapters.
        const norm = fixture.norms(width)[(i + shape) % 3];
        const x = applyNorm(cx, h, norm);
        const project = ({ weight, bias, lora }: Projection) =>
          linear(cx, x, weight, { bias, lora });
        const same = (actual: Tensor, expected: Tensor, what: string) =>
          assertSame(actual, expected, `${what}: ${m} x ${n} x ${width}, ranks ${ranks}`);

        const rows = cx.from(Int32Array.from({ length: m }, (_, i) => 2 * (m - i) - 1));
        const [slots, expected] = [0, 1].map(() => {
          const shape = [2 * m, keyWidth];
          const [k, v] = cx.emptyTogether([shape, shape]);
          for (const cache of [k, v]) cache.write(new Float32Array(cache.length).fill(7));
          return { k, v, rows };
        });
        const written = projectHeads(cx, h, norm, { q, k, v }, slots);
        await same(written.q, project(q), "queries");
        assert.deepEqual([written.k, written.v], [slots.k, slots.v]);
        appendToCache(device, expected, { k: project(k), v: project(v) }, rows, m, keyWidth);
        await same(slots.k, expected.k, "keys");
        await same(slots.v, expected.v, "values");

        const own = projectHeads(cx, h, norm, { q, k, v }, null);
        await same(own.q, project(q), "queries in a pass");
        await same(own.k, project(k), "keys in a pass");
        await same(own.v, project(v), "values in a pass");

        await same(projectNormed(cx, h, norm, q), project(q), "one projection");
        const [wi, gate] = [k, v];
        await same(
          projectActivated(cx, h, norm, wi, gate, "silu"),
          gatedActivation(cx, project(wi), project(gate), "silu"),
          "gated",
        );
        await same(
          projectActivated(cx, h, norm, q, null, "relu"),
          activation(cx, project(q), "relu"),
          "activated",
        );

        const head = {
          weight: WeightMatrix.trainable(fixture.values(1, width)),
          bias: fixture.values(1, 1),
        };
        const results = cx.empty([m, 1]);
        await same(normWithHead(cx, h, norm, head, results), x, "norm");
        await same(results, linear(cx, x, head.weight, { bias: head.bias }), "values");
        fixture.release();
      }
    }
  });
}

deviceTest("projections: rotary positions as by their own op, bit for bit", async (device) => {
  for (const [m, width, n, keyWidth] of SHAPES.filter(([, , n]) => n % 8 === 0)) {
    for (const withNorms of [false, true]) {
      const headSize = 8;
      const fixture = new Fixture(device, "f32");
      const { cx } = fixture;
      const [q, k, v] = fixture.layers([n, keyWidth, keyWidth], width, [4, 0, 3], true);
      const [norm] = fixture.norms(width);
      const headNorms = fixture.together([[1, headSize], [1, headSize]]);
      const [qNorm, kNorm] = headNorms.map((weight) => ({ weight, eps: 1e-6 }));
      const positions = {
        table: fixture.values(100, headSize),
        positions: cx.from(Int32Array.from({ length: m }, (_, i) => (i * 7) % 100)),
        norms: withNorms ? { q: qNorm, k: kNorm } : null,
      };
      const h = fixture.values(m, width);
      const plain = projectHeads(cx, h, norm, { q, k, v }, null);
      const expected = rotary(cx, plain, positions);

      const pass = projectHeads(cx, h, norm, { q, k, v }, null, positions);
      await assertSame(pass.q, expected.q, "queries");
      await assertSame(pass.k, expected.k, "keys");
      await assertSame(pass.v, plain.v, "values");

      const rows = cx.from(Int32Array.from({ length: m }, (_, i) => m - 1 - i));
      const [slots, kept] = [0, 1].map(() => (
        { k: cx.empty([m, keyWidth]), v: cx.empty([m, keyWidth]), rows }
      ));
      const step = projectHeads(cx, h, norm, { q, k, v }, slots, positions);
      appendToCache(device, kept, { k: expected.k, v: plain.v }, rows, m, keyWidth);
      await assertSame(step.q, expected.q, "queries of a step");
      await assertSame(slots.k, kept.k, "kept keys");
      await assertSame(slots.v, kept.v, "kept values");

      const keys = projectKeys(cx, h, norm, { k, v }, positions);
      await assertSame(keys.k, expected.k, "keys alone");
      await assertSame(keys.v, plain.v, "values alone");
      fixture.release();
    }
  }
});

deviceTest("projections: of trained weights, which are one block, as op by op", async (device) => {
  const [m, width] = [3, 20];
  const shapes = { q: [16, width], k: [8, width], v: [8, width], bias: [8] };
  const specs = Object.entries(shapes).map(([name, shape]) => ({ name, shape }));
  const parameters = Parameters.create(device, specs, { trainable: true });
  const fixture = new Fixture(device, "f32");
  const { cx } = fixture;
  for (const { name, shape } of specs) {
    parameters.write(name, randomValues(shape.reduce((a, b) => a * b), name.length));
  }
  const [norm] = fixture.norms(width);
  const h = fixture.values(m, width);
  const layer = (name: "q" | "k" | "v", bias: Tensor | null = null): Projection => (
    { weight: WeightMatrix.trainable(parameters.get(name)), bias, lora: null }
  );
  const layers = { q: layer("q"), k: layer("k", parameters.get("bias")), v: layer("v") };
  const dispatches = () => "counters" in device ? (device as WebGpuDevice).counters.dispatches : 0;
  const before = dispatches();
  const heads = projectHeads(cx, h, norm, layers, null);
  if (device.kind === "webgpu") assert.equal(dispatches() - before, 2);
  const x = applyNorm(cx, h, norm);
  for (const part of ["q", "k", "v"] as const) {
    const { weight, bias } = layers[part];
    await assertSame(heads[part], linear(cx, x, weight, { bias }), part);
  }
  fixture.release();
  parameters.dispose();
});

gpuTest("projections: a Llama-shaped layer of a decoding step has few dispatches", (device) => {
  const [m, width, headSize] = [8, 32, 8];
  for (const [rank, most] of [[0, 7], [4, 9]]) {
    const fixture = new Fixture(device, "f32");
    const { cx } = fixture;
    const layers = (outs: number[], columns: number) =>
      fixture.layers(outs, columns, outs.map(() => rank), false);
    const [q, k, v] = layers([32, 16, 16], width);
    const [o] = layers([width], 32);
    const [gate, up] = layers([64, 64], width);
    const [down] = layers([width], 64);
    const [norm] = fixture.norms(width);
    const rows = cx.from(Int32Array.from({ length: m }, (_, i) => i));
    const slots = { k: fixture.values(m, 16), v: fixture.values(m, 16), rows };
    const h = fixture.values(m, width);
    const [qNorm, kNorm] = fixture.together([[1, headSize], [1, headSize]])
      .map((weight) => ({ weight, eps: 1e-6 }));
    const norms = { q: qNorm, k: kNorm };
    const rotary = { table: fixture.values(m, headSize), positions: rows, norms };
    const { dispatches: before } = device.counters;
    const heads = projectHeads(cx, h, norm, { q, k, v }, slots, rotary);
    // Attention over the cache takes one more.
    const attended = linear(cx, heads.q, o.weight, { lora: o.lora, residual: h });
    const active = projectActivated(cx, attended, norm, gate, up, "silu");
    linear(cx, active, down.weight, { lora: down.lora, residual: attended });
    assert.equal(device.counters.dispatches - before, most, `rank ${rank}`);
    fixture.release();
  }
  return Promise.resolve();
});

gpuTest("projections: a pass rotates queries and keys in one dispatch, tape or not", (device) => {
  const [rows, width, headSize] = [80, 32, 8];
  const fixture = new Fixture(device, "f32");
  const [q, k, v] = fixture.layers([32, 16, 16], width, [0, 0, 0], false);
  const [norm] = fixture.norms(width);
  const [qNorm, kNorm] = fixture.together([[1, headSize], [1, headSize]])
    .map((weight) => ({ weight, eps: 1e-6 }));
  const positions = fixture.cx.from(Int32Array.from({ length: rows }, (_, i) => i));
  const table = fixture.values(rows, headSize);
  const h = fixture.values(rows, width);
  for (const grad of [false, true]) {
    for (const norms of [null, { q: qNorm, k: kNorm }]) {
      const cx = new Context(device, { grad });
      const { dispatches: before } = device.counters;
      projectHeads(cx, h, norm, { q, k, v }, null, { table, positions, norms });
      assert.equal(device.counters.dispatches - before, 5);
      cx.release();
    }
  }
  fixture.release();
  return Promise.resolve();
});
