import assert from "node:assert/strict";
import { matmul } from "../../kernels/matmul/matmul.ts";
import type { Matmul, RightMatrix } from "../../kernels/matmul/product.ts";
import {
  chooseVariant,
  matmulVariants,
  type ProductTraits,
  shapeClass,
} from "../../kernels/matmul/matmul_variants.ts";
import type { GpuDevice } from "../../lib/device/device.ts";
import { Context } from "../../lib/tensor/context.ts";
import { toBf16 } from "../../lib/formats/bf16.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { gpuTest } from "../device.ts";
import { randomValues } from "../numeric.ts";

gpuTest("matmul: every variant gives the same, bit for bit", async (device) => {
  const [m, n, k, r] = [76, 136, 100, 12];
  const cx = new Context(device);
  const values = (rows: number, width: number, seed: number) =>
    cx.from(randomValues(rows * width, seed), [rows, width]);
  const alongK = (span: Tensor, dtype?: "bf16"): RightMatrix => (
    { kind: "strided", span, kStride: 1, nStride: span.width, alpha: 0.3, dtype }
  );
  const alongN = (span: Tensor): RightMatrix => (
    { kind: "strided", span, kStride: span.width, nStride: 1 }
  );
  const [a, tall] = [values(m, k, 1), values(k, m, 2)];
  const a2 = values(m, r, 3);
  const weight = values(n, k, 4);
  const half = cx.empty([n, k], "bf16");
  half.write(toBf16(randomValues(n * k, 8)));
  const common = { m, n, k, bias: values(1, n, 5), residual: values(m, n, 6) };
  const products: Omit<Matmul, "c">[] = [
    { ...common, a, b: alongK(weight), extension: { a: a2, b: alongK(values(n, r, 7)), k: r } },
    { ...common, a, b: alongK(half, "bf16") },
    {
      ...common,
      a,
      b: alongN(values(k, n, 9)),
      extension: { a: a2, b: alongN(values(r, n, 10)), k: r },
    },
    // The depth of a weight's gradient is a number of tokens: any.
    { ...common, a: tall, aRowStride: 1, aColumnStride: m, b: alongN(values(k, n, 11)), k: 97 },
    { ...common, a, b: alongK(weight), m: 3 },
  ];
  for (const [i, product] of products.entries()) {
    const results = new Map<string, Float32Array>();
    for (const { name } of matmulVariants(device)) {
      const c = cx.empty([m, n]);
      device.tuning.clear();
      for (const kind of classes()) device.tuning.set(kind, name);
      matmul(device, { ...product, c });
      results.set(name, (await c.read()).subarray(0, product.m * n));
    }
    const [first, ...others] = results;
    for (const [name, result] of others) {
      assert.deepEqual(result, first[1], `product ${i}: ${name} and ${first[0]}`);
    }
  }
  cx.release();
});

const TRAITS: ProductTraits = {
  m: 100,
  dtype: "f32",
  aAlongK: true,
  bAlongK: true,
  b2AlongK: true,
  fours: true,
};

/** Every class of products. */
function classes(): string[] {
  const all = new Set<string>();
  for (const m of [1, 16, 64, 65]) {
    for (const dtype of ["f32", "bf16"] as const) {
      for (const aAlongK of [true, false]) {
        for (const bAlongK of [true, false]) {
          all.add(shapeClass({ ...TRAITS, m, dtype, aAlongK, bAlongK }));
        }
      }
    }
  }
  return [...all];
}

Deno.test("matmul: the choice of a variant", () => {
  const gpu = { subgroupSize: 8, software: true, tuning: new Map<string, string>() };
  const chosen = (device: Partial<typeof gpu>, traits: Partial<ProductTraits> = {}) =>
    chooseVariant({ ...gpu, ...device } as GpuDevice, { ...TRAITS, ...traits }).variant.name;
  assert.equal(chosen({}), "broadcast");
  assert.equal(chosen({}, { fours: false }), "tiled 16 8");
  assert.equal(chosen({ software: false }), "tiled 16 8");
  assert.equal(chosen({ software: false }, { m: 64 }), "skinny 4 4 8");
  assert.equal(chosen({ software: false }, { m: 1 }), "skinny 4 1 32");
  assert.equal(chosen({ tuning: new Map([[shapeClass(TRAITS), "tiled 16 16"]]) }), "tiled 16 16");
  const withoutSubgroups = { subgroupSize: null } as unknown as { subgroupSize: number };
  assert.equal(chosen(withoutSubgroups), "tiled 16 8");
  const names = matmulVariants({ subgroupSize: null } as GpuDevice).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(!names.includes("broadcast"));
});
