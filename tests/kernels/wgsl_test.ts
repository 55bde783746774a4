import assert from "node:assert/strict";
import { numberedLines } from "../../kernels/wgsl.ts";

Deno.test("lines with a number are repeated for each, comments and other lines are not", () => {
  const code = [
    "// For each N.",
    "var<private> sum_N: f32;",
    "/** One of N. */",
    "fn f(NONE: u32) {",
    "  sum_N = a[N * 4u] + other_NAME;",
  ].join("\n");
  assert.deepEqual(numberedLines(code, 2, "N").split("\n"), [
    "// For each N.",
    "var<private> sum_0: f32;",
    "var<private> sum_1: f32;",
    "/** One of N. */",
    "fn f(NONE: u32) {",
    "  sum_0 = a[0u * 4u] + other_NAME;",
    "  sum_1 = a[1u * 4u] + other_NAME;",
  ]);
});

Deno.test("two letters repeat lines for each pair of numbers", () => {
  const code = numberedLines("total_I_N = add(I, sum_N);\nblock[I];\nNAME_IN;", 2, "I");
  assert.deepEqual(numberedLines(code, 2, "N").split("\n"), [
    "total_0_0 = add(0u, sum_0);",
    "total_0_1 = add(0u, sum_1);",
    "total_1_0 = add(1u, sum_0);",
    "total_1_1 = add(1u, sum_1);",
    "block[0u];",
    "block[1u];",
    "NAME_IN;",
  ]);
});
