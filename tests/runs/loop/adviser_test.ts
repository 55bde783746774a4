import assert from "node:assert/strict";
import { Adviser } from "../../../lib/runs/loop/adviser.ts";

Deno.test("advice comes once, and again after it was not needed", () => {
  const adviser = new Adviser({
    steps: 3,
    of: (rows) => rows.every(({ stuck }) => stuck === 1) ? `stuck for ${rows.length}` : null,
  });
  const stuck = [1, 1, 1, 1, 1, 0, 1, 1, 1];
  const said = stuck.map((stuck, i) => adviser.add({ step: i + 1, stuck }));
  assert.deepEqual(said.map((text, i) => [i + 1, text]).filter(([, text]) => text !== null), [
    [3, "stuck for 3"],
    [9, "stuck for 3"],
  ]);
});

Deno.test("a kind without advice gives none", () => {
  assert.equal(new Adviser(undefined).add({ step: 1, loss: 0 }), null);
});
