import assert from "node:assert/strict";
import { completeRollout, layOutResponse } from "../../lib/rl/rollout.ts";
import {
  averageStatistics,
  batchStatistics,
  type MinibatchStatistics,
} from "../../lib/rl/statistics.ts";

const rollouts = [
  { query: [4, 1], response: [7, 1], score: 3, logprobs: [-1, -2], refLogprobs: [-2, -2.5] },
  { query: [4, 5, 6, 1], response: [7], score: -1, logprobs: [-0.5], refLogprobs: [-0.25] },
].map(({ query, response, score, logprobs, refLogprobs }, row) =>
  completeRollout(
    layOutResponse(row, { query, response, score }, "none", 0),
    {
      logprobs: Float32Array.from(logprobs),
      refLogprobs: Float32Array.from(refLogprobs),
      values: new Float32Array(logprobs.length),
    },
    0.5,
    { gamma: 1, lam: 1 },
  )
);

Deno.test("statistics of a batch, by hand", () => {
  const stats = batchStatistics(rollouts, 0.5);
  assert.equal(stats["objective/kl"], (1.5 - 0.25) / 2);
  assert.deepEqual([...stats["objective/kl_dist"]], [1.5, -0.25]);
  assert.deepEqual([...stats["objective/logprobs"][0]], [-1, -2]);
  assert.deepEqual([...stats["objective/ref_logprobs"][1]], [-0.25]);
  assert.equal(stats["objective/kl_coef"], 0.5);
  assert.equal(stats["objective/entropy"], (3 + 0.5) / 2);
  assert.ok(Math.abs(stats["ppo/mean_non_score_reward"] + 0.5 * 1.25 / 3) < 1e-12);
  assert.equal(stats["ppo/mean_scores"], 1);
  assert.equal(stats["ppo/std_scores"], Math.sqrt(8));
  assert.equal(stats["tokens/queries_len_mean"], 3);
  assert.equal(stats["tokens/queries_len_std"], Math.SQRT2);
  assert.deepEqual([...stats["tokens/queries_dist"]], [2, 4]);
  assert.equal(stats["tokens/responses_len_mean"], 1.5);
  assert.equal(stats["tokens/responses_len_std"], Math.SQRT1_2);
  assert.deepEqual([...stats["tokens/responses_dist"]], [2, 1]);
  assert.equal(stats["env/reward_mean"], 1);
  assert.equal(stats["env/reward_std"], Math.sqrt(8));
  assert.deepEqual([...stats["env/reward_dist"]], [3, -1]);
});

Deno.test("minibatches weigh the same", () => {
  const of = (policy: number, error: number) =>
    ({ "ppo/loss/policy": policy, "ppo/val/error": error }) as MinibatchStatistics;
  const average = averageStatistics([of(1, 4), of(2, 0), of(6, 2)]);
  assert.deepEqual(average, of(3, 2));
});
