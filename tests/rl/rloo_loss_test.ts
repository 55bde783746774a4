import assert from "node:assert/strict";
import { rlooLoss } from "../../lib/rl/rloo_loss.ts";
import { assertGradients } from "../reference/row_gradient.ts";

const old = [[-1, -2, -0.5], [-0.3], [-2, -1.1]];
const moved = [[-1.01, -1.98, -0.52], [-0.9], [-1.5, -1.1]];
const advantages = [0.7, 1.3, -0.4];
const rowsOf = (logprobs: readonly number[][]) =>
  logprobs.map((logprobs, i) => ({ logprobs, oldLogprobs: old[i], advantage: advantages[i] }));

Deno.test("gradients of RLOO's loss are its differences", () => {
  assertGradients(moved, (logprobs) => rlooLoss(rowsOf(logprobs), 0.2, 1 / 3));
});

Deno.test("the ratio is that of the whole completion", () => {
  const { ratios, loss } = rlooLoss(rowsOf(moved), 0.2, 1 / 3);
  const expected = [-0.01, -0.6, 0.5].map(Math.exp);
  expected.forEach((ratio, i) => assert.ok(Math.abs(ratios[i] - ratio) < 1e-12));
  const terms = [-0.7 * expected[0], -1.3 * expected[1], 0.4 * expected[2]];
  assert.ok(Math.abs(loss - terms.reduce((a, b) => a + b) / 3) < 1e-12);
});
