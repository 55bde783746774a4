import assert from "node:assert/strict";
import { mean, standardDeviation, sum, variance } from "../../lib/training/moments.ts";

Deno.test("sum, mean, and variance with Bessel's correction", () => {
  assert.equal(sum([1, 2, 3, 6]), 12);
  assert.equal(sum([]), 0);
  assert.equal(mean([1, 2, 3, 6]), 3);
  assert.equal(variance([1, 2, 3, 6]), 14 / 3);
  assert.equal(standardDeviation([1, 5]), Math.sqrt(8));
});

Deno.test("variance does not cancel far from zero", () => {
  assert.ok(Math.abs(variance([1e9 + 1, 1e9 + 2, 1e9 + 3]) - 1) < 1e-9);
});

Deno.test("a single value has no variance", () => {
  assert.equal(variance([3]), 0);
});
