import assert from "node:assert/strict";
import { weightRewards } from "../../lib/rl/weighted_reward.ts";

Deno.test("rewards are added by their weights; null is 0 beside others, and alone no reward", () => {
  const columns = { exact: [1, 0, null], length: [0.5, null, null] };
  const { rewards, metrics } = weightRewards(columns, 3, [2, -1]);
  assert.deepEqual(rewards, [1.5, 0, NaN]);
  assert.deepEqual(metrics, {
    "rewards/exact/mean": 0.5,
    "rewards/exact/std": Math.SQRT1_2,
    "rewards/length/mean": 0.5,
    "rewards/length/std": 0,
  });
  assert.deepEqual(weightRewards(columns, 3, null).rewards, [1.5, 0, NaN]);
});

Deno.test("weights go by place, which a name that is a number has not", () => {
  // The object's order is 3, length: whichever was written first.
  const columns = { length: [1], 3: [10] };
  assert.deepEqual(weightRewards(columns, 1, null).rewards, [11]);
  assert.throws(() => weightRewards(columns, 1, [1, 0]), {
    name: "UserError",
    message: /^the reward "3" has a number for a name, .*: give it a name with a letter$/,
  });
  assert.throws(() => weightRewards(columns, 1, [1]), /1 weight for 2 rewards/);
});
