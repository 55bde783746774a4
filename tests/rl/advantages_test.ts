import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { generalisedAdvantages, whiten } from "../../lib/rl/advantages.ts";
import { mean, variance } from "../../lib/training/moments.ts";
import { klPenalisedRewards } from "../../lib/rl/rewards.ts";

const random = new Random(11);
const numbers = (n: number) => Array.from({ length: n }, () => random.uniform() * 2 - 1);

Deno.test("GAE equals the sum of discounted temporal differences", () => {
  const n = 9, gamma = 0.97, lam = 0.9;
  const rewards = numbers(n), values = numbers(n);
  const { advantages, returns } = generalisedAdvantages(rewards, values, gamma, lam);
  for (let i = 0; i < n; i++) {
    let expected = 0;
    for (let j = i; j < n; j++) {
      const delta = rewards[j] + gamma * (values[j + 1] ?? 0) - values[j];
      expected += (gamma * lam) ** (j - i) * delta;
    }
    assert.ok(Math.abs(advantages[i] - expected) < 1e-12);
    assert.ok(Math.abs(returns[i] - expected - values[i]) < 1e-12);
  }
});

Deno.test("lam 1 gives Monte Carlo returns whatever the values are", () => {
  const { returns } = generalisedAdvantages([1, 2, 3], [7, -4, 0.5], 1, 1);
  assert.deepEqual([...returns], [6, 5, 3]);
});

Deno.test("without a KL penalty, discount and values every advantage is the score", () => {
  const { rewards } = klPenalisedRewards(numbers(6), numbers(6), 2.5, 0);
  const { advantages } = generalisedAdvantages(rewards, new Float64Array(6), 1, 1);
  assert.deepEqual([...advantages], Array(6).fill(2.5));
});

Deno.test("whitened values have mean 0 and variance 1", () => {
  const whitened = whiten(numbers(50).map((x) => 100 + 5 * x));
  assert.ok(Math.abs(mean(whitened)) < 1e-12);
  assert.ok(Math.abs(variance(whitened) - 1) < 1e-8);
});

Deno.test("equal values whiten to 0, and so does a single one", () => {
  assert.deepEqual([...whiten([3, 3, 3])], [0, 0, 0]);
  assert.deepEqual([...whiten([3])], [0]);
});
