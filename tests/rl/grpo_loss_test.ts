import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import {
  grpoLoss,
  type GRPOLossOptions,
  type GRPORow,
  tokenWeights,
} from "../../lib/rl/grpo_loss.ts";
import { assertGradients } from "../reference/row_gradient.ts";

const random = new Random(4);
const lengths = [3, 5, 1, 4];
const logprobs = lengths.map((n) => Array.from({ length: n }, () => -3 * random.uniform()));
const near = (row: readonly number[]) => row.map((x) => x + 0.8 * random.uniform() - 0.4);
const old = logprobs.map(near);
const reference = logprobs.map(near);
const advantages = [1.2, -0.7, 0.4, -1.5];
const options: GRPOLossOptions = {
  low: 0.8,
  high: 1.28,
  delta: null,
  beta: 0.04,
  importanceSamplingLevel: "token",
};

function rowsOf(logprobs: readonly number[][], weights: readonly number[]): GRPORow[] {
  return logprobs.map((logprobs, i) => ({
    logprobs,
    oldLogprobs: old[i],
    refLogprobs: reference[i],
    advantage: advantages[i],
    weight: weights[i],
  }));
}

for (const level of ["token", "sequence"] as const) {
  for (const delta of [null, 1.1]) {
    Deno.test(`gradients of the ${level}'s ratio are its differences, delta ${delta}`, () => {
      const weights = [0.1, 0.2, 0.3, 0.05];
      const of = { ...options, delta, importanceSamplingLevel: level };
      assertGradients(logprobs, (logprobs) => grpoLoss(rowsOf(logprobs, weights), of));
    });
  }
}

Deno.test("a row that does not count has no gradient, and is in no sum", () => {
  const { gradients, sums } = grpoLoss(rowsOf(logprobs, [0.1, 0, 0.1, 0.1]), options);
  assert.ok(gradients[1].every((slope) => slope === 0));
  assert.equal(sums.tokens, 3 + 1 + 4);
});

Deno.test("before the first update the ratio is 1: the loss is minus the mean advantage", () => {
  const rows = rowsOf(logprobs, tokenWeights("grpo", lengths, sizes(1)))
    .map((row) => ({ ...row, oldLogprobs: row.logprobs, refLogprobs: null }));
  const { loss, sums } = grpoLoss(rows, { ...options, beta: 0 });
  assert.ok(Math.abs(loss - 0.6 / 4) < 1e-12);
  assert.deepEqual([sums.clippedLow, sums.clippedHigh, sums.kl], [0, 0, 0]);
});

Deno.test("clipped tokens are those whose ratio went further where the advantage points", () => {
  const rows = [[Math.log(0.5), Math.log(1.5)], [Math.log(0.5), Math.log(1.5)]]
    .map((logprobs, i) => ({
      logprobs,
      oldLogprobs: [0, 0],
      refLogprobs: null,
      advantage: i === 0 ? 1 : -1,
      weight: 0.25,
    }));
  const { sums, loss } = grpoLoss(rows, { ...options, beta: 0 });
  assert.deepEqual([sums.clippedLow, sums.clippedHigh], [1, 1]);
  assert.ok(Math.abs(loss - 0.25 * (-0.5 - 1.28 + 0.8 + 1.5)) < 1e-12);
});

Deno.test("a KL without a reference is refused", () => {
  const rows = rowsOf(logprobs, [1, 1, 1, 1]).map((row) => ({ ...row, refLogprobs: null }));
  assert.throws(() => grpoLoss(rows, options), RangeError);
});

Deno.test("weights are those of the mean that a loss type takes", () => {
  const counted = [4, 0, 2];
  const weigh = (type: Parameters<typeof tokenWeights>[0]) =>
    tokenWeights(type, counted, { maxCompletionLength: 8, stepTokens: 10, passes: 2 });
  assert.deepEqual(weigh("grpo"), [1 / 24, 0, 1 / 12]);
  assert.deepEqual(weigh("bnpo"), [1 / 12, 0, 1 / 12]);
  assert.deepEqual(weigh("dr_grpo"), [1 / 48, 0, 1 / 48]);
  assert.deepEqual(weigh("dapo"), [1 / 10, 0, 1 / 10]);
});

function sizes(passes: number) {
  return { maxCompletionLength: 8, stepTokens: 13, passes };
}
