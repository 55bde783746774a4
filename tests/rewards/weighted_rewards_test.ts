import assert from "node:assert/strict";
import { UserError } from "../../lib/errors.ts";
import { WeightedRewards } from "../../lib/rewards/weighted_rewards.ts";

const samples = [{ query: "q", response: "four" }, { query: "q", response: "eleven" }];
const length = { name: "length", reward: (s: typeof samples) => s.map((x) => x.response.length) };
const one = { name: "one", reward: (s: typeof samples) => s.map(() => 1) };

Deno.test("WeightedRewards: the weighted sum, and each part unweighted", async () => {
  const rewards = new WeightedRewards([{ ...length, weight: -0.5 }, { ...one, weight: 10 }]);
  assert.deepEqual(await rewards.score(samples), {
    totals: [8, 7],
    parts: { length: [4, 6], one: [1, 1] },
  });
});

Deno.test("WeightedRewards: a faulty part is named", async () => {
  const rewards = new WeightedRewards([
    { ...one, weight: 1 },
    { name: "broken", reward: () => [NaN, 1], weight: 1 },
  ]);
  await assert.rejects(rewards.score(samples), /broken returned NaN for sample 0/);
});

Deno.test("WeightedRewards: refuses none, repeated names and weights that are no numbers", () => {
  assert.throws(() => new WeightedRewards([]), UserError);
  assert.throws(
    () => new WeightedRewards([{ ...one, weight: 1 }, { ...one, weight: 2 }]),
    /two rewards are called one/,
  );
  assert.throws(() => new WeightedRewards([{ ...one, weight: NaN }]), /weight.*one is NaN/);
  assert.throws(() => new WeightedRewards([{ ...one, name: "3", weight: 1 }]), /is called 3: give/);
});
