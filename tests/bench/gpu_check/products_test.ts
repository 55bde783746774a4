import assert from "node:assert/strict";
import {
  measureProducts,
  type ProductCase,
  productCases,
  type ProductRow,
} from "../../../bench/gpu_check/products.ts";
import { matmulVariants } from "../../../kernels/matmul/matmul_variants.ts";
import { gpuTest } from "../../device.ts";

Deno.test("products that are measured: the square, and every layer of both models", () => {
  const cases = productCases();
  const has = (wanted: Partial<ProductCase>) =>
    cases.some((each) =>
      Object.entries(wanted).every(([name, value]) => each[name as keyof typeof each] === value)
    );
  assert.ok(has({ of: "square", m: 1024, dtype: "f32", product: "dyᵀ·x" }));
  for (const m of [1, 16]) {
    assert.ok(has({ of: "flan-t5-base", m, n: 32128, k: 768, dtype: "bf16" }));
    assert.ok(has({ of: "flan-t5-base", m, n: 768, k: 2048, dtype: "f32" }));
    assert.ok(has({ of: "smollm2-135m", m, n: 192, k: 576, dtype: "bf16" }));
  }
  assert.ok(has({ of: "flan-t5-base", product: "dyᵀ·x", m: 32, n: 768 }));
  assert.ok(has({ of: "smollm2-135m", product: "several", m: 16, n: 576, dtype: "bf16" }));
  // A training pass computes the logits in parts.
  assert.ok(!has({ m: 1200, n: 32128 }) && has({ m: 1200, n: 4096 }));
  assert.ok(cases.length < 120);
});

gpuTest(
  "useful variants of each kind of product are measured, until the time is up",
  async (device) => {
    const size = { of: "test", m: 8, n: 16, k: 32 };
    const cases: ProductCase[] = (["x·Wᵀ", "dy·W", "dyᵀ·x", "several"] as const).flatMap((
      product,
    ) => (["f32", "bf16"] as const).map((dtype) => ({ ...size, product, dtype })));
    let rows: readonly ProductRow[] = [];
    const report = (result: readonly ProductRow[]) => rows = result;
    await measureProducts(device, cases, 0, { hasTime: () => true, report });
    assert.equal(rows.length, cases.length);
    const names = matmulVariants(device).map(({ name }) => name);
    for (const { gflops, chosen } of rows) {
      assert.ok(gflops[chosen] > 0, chosen);
      assert.ok(Object.values(gflops).every((speed) => speed > 0));
      assert.ok(Object.keys(gflops).every((name) => names.includes(name)));
    }
    // Not those whose tiles would be nearly empty.
    const measured = Object.keys(rows[0].gflops);
    assert.ok(measured.length > 3 && !measured.includes("staged 128 128"));
    let count = 3;
    await measureProducts(device, cases, 0, { hasTime: () => count-- > 0, report });
    assert.deepEqual([rows.length, Object.keys(rows[0].gflops).length], [1, 3]);
  },
);
