import assert from "node:assert/strict";
import { activation } from "../../kernels/activation/activation.ts";
import { matmul } from "../../kernels/matmul/matmul.ts";
import { fusesProducts, matmulSeveral, severalClass } from "../../kernels/matmul/matmul_several.ts";
import { shapeClass } from "../../kernels/matmul/matmul_variants.ts";
import type { GpuDevice, Shader, TaskDevice } from "../../lib/device/device.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";
import { Context } from "../../lib/tensor/context.ts";
import { type DType, Tensor } from "../../lib/tensor/tensor.ts";
import { gpuTest } from "../device.ts";
import { randomValues, relativeNorm } from "../numeric.ts";
import { matmulReference, transpose } from "../reference/matmul.ts";

/** Rows, depth, columns of the products and ranks of their adapters. */
const SHAPES: [number, number, number[], number[]][] = [
  [1, 1, [1, 1], [0, 0]],
  [1, 128, [128, 128, 128], [8, 0, 8]],
  [3, 129, [33, 1, 70], [0, 8, 1]],
  [17, 100, [65, 7, 36], [32, 0, 40]],
  [64, 36, [5, 33], [1, 4]],
  [6, 1060, [20, 9], [36, 0]],
];

/** One of each kind; those of one kind differ in sizes only. */
const VARIANTS = ["broadcast", "skinny 4 4 8", "skinny 4 1 32", "narrow 4 4 16"];

/** Lets every product take this variant. */
function tune(device: GpuDevice, m: number, dtype: "f32" | "bf16", name: string): void {
  device.tuning.set(shapeClass({ ...TRAITS, m, dtype }), name);
  device.tuning.set(severalClass(m, dtype), name);
}

const TRAITS = { n: 100, aAlongK: true, bAlongK: true, b2AlongK: true, fours: true };

/** Tensors of these lengths in one block. */
function together(cx: Context, lengths: readonly number[], dtype: DType = "f32"): Tensor[] {
  const { device } = cx;
  return cx.emptyTogether(lengths.map((length) => [length])).map(({ buffer, shape }) =>
    new Tensor(device, buffer, shape, dtype)
  );
}

function setUp(
  cx: Context,
  [m, k, columns, ranks]: typeof SHAPES[number],
  dtype: "f32" | "bf16",
) {
  const a = randomValues(m * k, 1);
  const inputs = cx.empty([m * ranks.reduce((sum, rank) => sum + rank, 0) + 1]);
  let from = 0;
  // Whole words: an odd number of bf16 values is written with one more.
  const ws = together(cx, columns.map((n) => n * k + n * k % 2), dtype);
  const bs = together(cx, columns.map((n, i) => n * ranks[i]));
  const biasTensors = together(cx, columns);
  const products = columns.map((n, i) => {
    const rank = ranks[i];
    const weights = randomValues(n * k, i + 2);
    const w = ws[i];
    const padded = new Float32Array(w.length);
    padded.set(weights);
    w.write(dtype === "bf16" ? toBf16(padded) : padded);
    const [u, b] = [randomValues(m * rank, i + 5), randomValues(n * rank, i + 8)];
    const into = { buffer: inputs.buffer, byteOffset: from * 4 };
    if (rank > 0) cx.device.write(into, u);
    from += m * rank;
    const lowRank = rank === 0 ? null : { u: into, b: bs[i], rank, scale: 0.3 + i };
    bs[i].write(b);
    const biases = i % 2 === 1 ? randomValues(n, i + 11) : null;
    const bias = biases && biasTensors[i];
    if (biases) biasTensors[i].write(biases);
    return { n, w, bias, lowRank, host: { weights, biases, u, b, rank } };
  });
  return { a: cx.from(a), host: a, products };
}

type Setup = ReturnType<typeof setUp>;

/** What `matmul` gives for one of the products. */
function alone(
  cx: Context,
  { a, products }: Setup,
  i: number,
  m: number,
  k: number,
  dtype: "f32" | "bf16",
) {
  const { n, w, bias, lowRank } = products[i];
  const c = cx.empty([m, n]);
  matmul(cx.device, {
    c,
    a,
    b: { kind: "strided", span: w, kStride: 1, nStride: k, dtype },
    m,
    n,
    k,
    bias,
    extension: lowRank && {
      a: lowRank.u,
      k: lowRank.rank,
      b: {
        kind: "strided",
        span: lowRank.b,
        kStride: 1,
        nStride: lowRank.rank,
        alpha: lowRank.scale,
      },
    },
  });
  return c;
}

for (const dtype of ["f32", "bf16"] as const) {
  gpuTest(`matmulSeveral: every variant gives what matmul does, ${dtype}`, async (device) => {
    for (const shape of SHAPES) {
      const [m, k] = shape;
      const cx = new Context(device);
      const setup = setUp(cx, shape, dtype);
      const expected: Float32Array[] = [];
      for (const [i, { n, host: { weights, biases, u, b, rank } }] of setup.products.entries()) {
        expected.push(await alone(cx, setup, i, m, k, dtype).read());
        if (dtype === "bf16") continue;
        const main = matmulReference(setup.host, transpose(weights, n, k), m, n, k);
        const update = matmulReference(u, transpose(b, n, rank), m, n, rank);
        const reference = main.map((value, at) =>
          value + (0.3 + i) * update[at] + (biases?.[at % n] ?? 0)
        );
        const error = relativeNorm(expected[i], reference);
        assert.ok(error < 2e-6, `${shape}: product ${i} is off by ${error}`);
      }
      // Rows of some go where `rows` says, between others that stay as they are.
      const places = Int32Array.from({ length: m }, (_, i) => 2 * (m - i) - 1);
      for (const name of VARIANTS) {
        tune(device, m, dtype, name);
        const lengths = setup.products.map(({ n }, i) => (i > 0 ? 2 : 1) * m * n);
        const cs = [...together(cx, lengths.slice(0, 1)), ...together(cx, lengths.slice(1))];
        const products = setup.products.map((product, i) => {
          cs[i].write(new Float32Array(lengths[i]).fill(7));
          return { ...product, c: cs[i], placed: i > 0 };
        });
        matmulSeveral(device, { a: setup.a, m, k, dtype, products, rows: cx.from(places) });
        for (const [i, { c, n, placed }] of products.entries()) {
          let wanted = expected[i];
          if (placed) {
            wanted = new Float32Array(2 * m * n).fill(7);
            places.forEach((to, row) =>
              wanted.set(expected[i].subarray(row * n, row * n + n), to * n)
            );
          }
          assert.deepEqual(await c.read(), wanted, `${shape}: product ${i}, ${name}`);
        }
      }
      cx.release();
    }
  });

  gpuTest(
    `matmulSeveral: gated and activated as by kernels of their own, ${dtype}`,
    async (device) => {
      for (const [m, k, columns, ranks] of SHAPES) {
        for (const gated of [true, false]) {
          const cx = new Context(device);
          const [n, count] = [columns[0], gated ? 2 : 1];
          const setup = setUp(cx, [m, k, Array(count).fill(n), ranks.slice(0, count)], dtype);
          const kind = gated ? "gelu_new" : "relu";
          const gate = gated ? alone(cx, setup, 1, m, k, dtype) : null;
          const expected = cx.empty([m, n]);
          activation(device, expected, alone(cx, setup, 0, m, k, dtype), gate, kind, m * n);
          for (const name of VARIANTS) {
            tune(device, m, dtype, name);
            const c = cx.empty([m, n]);
            const products = setup.products.map((product) => ({ ...product, c }));
            matmulSeveral(device, { a: setup.a, m, k, dtype, products, gated, activation: kind });
            assert.deepEqual(await c.read(), await expected.read(), `${m} x ${n} x ${k}, ${name}`);
          }
          cx.release();
        }
      }
    },
  );
}

Deno.test("matmulSeveral: where a variant with tiles is the fastest, the default for few rows", () => {
  const launched: string[] = [];
  const device = {
    ...{ kind: "webgpu", software: false, subgroupSize: null, usesSubgroups: false },
    tuning: new Map(),
    dispatch: ({ entryPoint }: Shader) => launched.push(entryPoint),
  } as unknown as GpuDevice;
  const span = { buffer: { byteLength: 0 }, byteOffset: 0 };
  const product = { c: span, w: span, n: 100, bias: null, lowRank: null };
  for (const m of [1, 17]) {
    tune(device, m, "f32", "staged 64 64");
    for (const k of [64, 63]) {
      matmulSeveral(device, { a: span, m, k, dtype: "f32", products: [product] });
    }
  }
  const narrow = ["several_narrow", "several_skinny"];
  assert.deepEqual(launched, [...narrow, ...narrow]);
});

Deno.test("matmulSeveral: its own measurement comes before that of matmul", () => {
  const launched: string[] = [];
  const device = {
    ...{ kind: "webgpu", software: false, subgroupSize: 32, usesSubgroups: false },
    tuning: new Map(),
    dispatch: ({ entryPoint }: Shader) => launched.push(entryPoint),
  } as unknown as GpuDevice;
  const span = { buffer: { byteLength: 0 }, byteOffset: 0 };
  const launch = (k: number) =>
    matmulSeveral(device, {
      ...{ a: span, m: 1, k, dtype: "bf16" },
      products: [{ c: span, w: span, n: 100, bias: null, lowRank: null }],
    });
  tune(device, 1, "bf16", "skinny 4 1 32");
  launch(64);
  device.tuning.set(severalClass(1, "bf16"), "narrow 4 1 32");
  launch(64);
  // Where no fours can be read, or subgroups have not proved equal, matmul's variant.
  launch(63);
  device.tuning.set(severalClass(1, "bf16"), "broadcast");
  launch(64);
  assert.deepEqual(launched, [
    "several_skinny",
    "several_narrow",
    "several_skinny",
    "several_skinny",
  ]);
});

Deno.test("fusesProducts: few rows, one type, weights that can be bound", () => {
  let isTogether = true;
  const bindsTogether = () => isTogether;
  const device = { kind: "webgpu", maxBindingBytes: 1 << 20, bindsTogether } as unknown;
  const w = { buffer: { byteLength: 0 }, byteOffset: 0 };
  const own = { w, bias: null, b: null };
  const fits = (m: number, k: number, ...weights: [number, "f32" | "bf16"][]) =>
    fusesProducts(device as GpuDevice, m, k, weights.map(([n, dtype]) => ({ n, dtype, ...own })));
  assert.ok(fits(1, 64, [64, "f32"], [64, "f32"], [64, "f32"]));
  assert.ok(fits(64, 512, [1000, "bf16"]));
  assert.ok(!fits(65, 64, [64, "f32"]));
  assert.ok(!fits(1, 64, [64, "f32"], [64, "bf16"]));
  assert.ok(!fits(1, 512, [64, "f32"], [512, "f32"]));
  assert.ok(!fits(1, 64, [64, "f32"], [64, "f32"], [64, "f32"], [64, "f32"]));
  const weight = { n: 64, dtype: "f32", ...own } as const;
  assert.ok(!fusesProducts({ kind: "wasm" } as TaskDevice, 1, 64, [weight]));
  isTogether = false;
  assert.ok(!fits(1, 64, [64, "f32"], [64, "f32"]));
});
