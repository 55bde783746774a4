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
  assert.deepEqual(numberedLines(code, 2).split("\n"), [
    "// For each N.",
    "var<private> sum_0: f32;",
    "var<private> sum_1: f32;",
    "/** One of N. */",
    "fn f(NONE: u32) {",
    "  sum_0 = a[0u * 4u] + other_NAME;",
    "  sum_1 = a[1u * 4u] + other_NAME;",
  ]);
});
