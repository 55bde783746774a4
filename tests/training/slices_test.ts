import assert from "node:assert/strict";
import { slices } from "../../lib/training/slices.ts";

Deno.test("values are divided in order, the last part may be shorter", () => {
  assert.deepEqual(slices([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(slices([1, 2], 2), [[1, 2]]);
  assert.deepEqual(slices([1], 8), [[1]]);
  assert.deepEqual(slices([], 3), []);
});
