import assert from "node:assert/strict";
import { comparePolicies, compareResponses, winRate } from "../../lib/evaluation/compare.ts";
import type { RewardFunction } from "../../lib/rewards/reward.ts";

const byLength: RewardFunction = (samples) => samples.map(({ response }) => response.length);
const queries = ["a", "b", "c"];
const expected = [
  {
    query: "b",
    responseBefore: "x",
    responseAfter: "xxxx",
    rewardBefore: 1,
    rewardAfter: 4,
    difference: 3,
  },
  {
    query: "a",
    responseBefore: "xx",
    responseAfter: "xx",
    rewardBefore: 2,
    rewardAfter: 2,
    difference: 0,
  },
  {
    query: "c",
    responseBefore: "xxx",
    responseAfter: "",
    rewardBefore: 3,
    rewardAfter: 0,
    difference: -3,
  },
];

Deno.test("compareResponses: a row per query, the largest gain first", async () => {
  const rows = await compareResponses(queries, ["xx", "x", "xxx"], ["xx", "xxxx", ""], byLength);
  assert.deepEqual(rows, expected);
});

Deno.test("compareResponses: a faulty reward is stopped", async () => {
  await assert.rejects(
    compareResponses(queries, ["", "", ""], ["", "", ""], () => [0, NaN, 0]),
    /reward of the comparison returned NaN for sample 1/,
  );
});

Deno.test("comparePolicies: both policies answer the same prompts", async () => {
  const before: Record<string, string> = { a: "xx", b: "x", c: "xxx" };
  const after: Record<string, string> = { a: "xx", b: "xxxx", c: "" };
  const rows = await comparePolicies(
    (batch) => Promise.resolve(batch.map(({ query }) => before[query])),
    (batch) => Promise.resolve(batch.map(({ query }) => after[query])),
    queries.map((query) => ({ query, inputIds: [] })),
    byLength,
    { generationBatchSize: 2 },
  );
  assert.deepEqual(rows, expected);
});

Deno.test("the win rate counts ties half, and is one half of nothing", () => {
  const rows = (...differences: number[]) => differences.map((difference) => ({ difference }));
  assert.equal(winRate(rows(3, 0.1, 0, -2)), 0.625);
  assert.equal(winRate(rows(-1)), 0);
  assert.equal(winRate([]), 0.5);
});
