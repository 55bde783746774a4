import assert from "node:assert/strict";
import { RandomSource } from "../../lib/models/random_weights.ts";

Deno.test("RandomSource: norms 1, biases 0, matrices of variance 1 / columns, by the seed", () => {
  const source = new RandomSource(1);
  assert.ok(source.has("anything"));
  assert.deepEqual([...source.read("norm.weight", [3])], [1, 1, 1]);
  assert.deepEqual([...source.read("dense.bias", [2])], [0, 0]);
  const matrix = source.read("dense.weight", [300, 50]);
  const variance = matrix.reduce((sum, x) => sum + x * x, 0) / matrix.length;
  assert.ok(Math.abs(variance * 50 - 1) < 0.03, `variance ${variance}, 1/50 expected`);
  assert.deepEqual(new RandomSource(1).read("w", [2, 4]), new RandomSource(1).read("w", [2, 4]));
  assert.notDeepEqual(new RandomSource(1).read("w", [2, 4]), new RandomSource(2).read("w", [2, 4]));
});
