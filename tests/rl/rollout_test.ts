import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { completeRollout, layOutResponse } from "../../lib/rl/rollout.ts";

const query = [5, 6, 1];

Deno.test("by default a response is what was generated, and every token counts", () => {
  const laid = layOutResponse(0, { query, response: [7, 8, 1], score: 2 }, "none", 0);
  assert.deepEqual(laid.inputs, [0, 7, 8]);
  assert.deepEqual(laid.targets, [7, 8, 1]);
  assert.deepEqual(laid.counted, [[0, 3]]);
});

Deno.test("in compat mode it is the decoder's sequence, its first position left out", () => {
  const laid = layOutResponse(0, { query, response: [0, 7, 8, 1], score: 2 }, "trl-0.4", 0);
  assert.deepEqual(laid.inputs, [0, 7, 8]);
  assert.deepEqual(laid.targets, [7, 8, 1]);
  assert.deepEqual(laid.counted, [[1, 3]]);
});

Deno.test("a row that cannot be trained on is refused by its number", () => {
  const layOut = (response: number[], compat: "none" | "trl-0.4", score = 0, q = query) => () =>
    layOutResponse(3, { query: q, response, score }, compat, 0);
  assert.throws(layOut([], "none"), /^UserError: response 3 is empty/);
  assert.throws(layOut([0, 7, 1], "trl-0.4"), /response 3 has 3 tokens; .* needs at least 4/);
  assert.doesNotThrow(layOut([0, 7, 8, 1], "trl-0.4"));
  assert.throws(layOut([7], "none", NaN), /score 3 is NaN/);
  assert.throws(layOut([7], "none", 0, []), UserError);
});

Deno.test("rewards and advantages of a rollout, by hand", () => {
  const laid = layOutResponse(0, { query, response: [7, 1], score: 2 }, "none", 0);
  const rollout = completeRollout(
    laid,
    {
      logprobs: Float32Array.of(-1, -2),
      refLogprobs: Float32Array.of(-1.5, -2),
      values: Float32Array.of(0.5, 1),
    },
    0.5,
    { gamma: 1, lam: 0.5 },
  );
  assert.deepEqual([...rollout.rewards], [-0.25, 2]);
  assert.deepEqual([...rollout.advantages], [-0.25 + 1 - 0.5 + 0.5 * 1, 1]);
  assert.deepEqual([...rollout.returns], [1.25, 2]);
});
