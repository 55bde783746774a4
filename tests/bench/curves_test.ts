import assert from "node:assert/strict";
import { curveOf } from "../../bench/curves.ts";

Deno.test("curveOf: means over equal parts of the steps of all runs", () => {
  const rows = (factor: number) => [1, 2, 3, 4].map((step) => ({ step, a: factor * step }));
  const curve = curveOf([rows(1), rows(3)], ["a"], 2);
  assert.deepEqual(curve, [
    { from: 1, to: 2, means: [3] },
    { from: 3, to: 4, means: [7] },
  ]);
  assert.deepEqual(curveOf([rows(1)], ["a", "none"], 9).length, 4);
  assert.ok(Number.isNaN(curveOf([rows(1)], ["none"], 1)[0].means[0]));
});
