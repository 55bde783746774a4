import assert from "node:assert/strict";
import { klPenalisedRewards } from "../../lib/rl/rewards.ts";

Deno.test("each token pays for its KL and the last one gets the score", () => {
  const { kl, nonScoreRewards, rewards } = klPenalisedRewards(
    [-1, -2, -3],
    [-1.5, -2, -1],
    10,
    0.5,
  );
  assert.deepEqual([...kl], [0.5, 0, -2]);
  assert.deepEqual([...nonScoreRewards], [-0.25, -0, 1]);
  assert.deepEqual([...rewards], [-0.25, -0, 11]);
});

Deno.test("a rollout of one token", () => {
  assert.deepEqual([...klPenalisedRewards([-1], [-1.5], -2, 0.2).rewards], [-2.1]);
});
