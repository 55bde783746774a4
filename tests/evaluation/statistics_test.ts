import assert from "node:assert/strict";
import { bootstrapInterval, sampleStatistics } from "../../lib/evaluation/statistics.ts";
import { Random } from "../../lib/random.ts";

Deno.test("sampleStatistics: mean, population std and count", () => {
  const { count, mean, std, interval } = sampleStatistics([2, 4, 4, 4, 5, 5, 7, 9]);
  assert.deepEqual({ count, mean, std }, { count: 8, mean: 5, std: 2 });
  assert.ok(interval[0] < 5 && 5 < interval[1]);
});

Deno.test("sampleStatistics: nothing measured is NaN, not zero", () => {
  const { count, mean, std, interval } = sampleStatistics([]);
  assert.equal(count, 0);
  for (const value of [mean, std, ...interval]) assert.ok(Number.isNaN(value));
});

Deno.test("bootstrapInterval: seeded, and inside the range of the data", () => {
  const values = [0, 0, 0, 0, 0, 0, 0, 1];
  const interval = bootstrapInterval(values, { seed: 1 });
  assert.deepEqual(bootstrapInterval(values, { seed: 1 }), interval);
  assert.notDeepEqual(bootstrapInterval([...values, 0.3], { seed: 2 }), interval);
  assert.ok(interval[0] >= 0 && interval[1] <= 1);
  assert.deepEqual(bootstrapInterval([0.5, 0.5]), [0.5, 0.5]);
});

Deno.test("bootstrapInterval: agrees with the normal approximation on well-behaved data", () => {
  const random = new Random(11);
  const values = Array.from({ length: 400 }, () => random.uniform());
  const { mean, std } = sampleStatistics(values);
  for (const [confidence, z] of [[0.95, 1.96], [0.8, 1.2816]]) {
    const [low, high] = bootstrapInterval(values, { confidence, resamples: 4000 });
    const half = z * std / Math.sqrt(values.length);
    assert.ok(Math.abs(low - (mean - half)) < 0.1 * half, `low ${low}`);
    assert.ok(Math.abs(high - (mean + half)) < 0.1 * half, `high ${high}`);
  }
});

Deno.test("bootstrapInterval: covers the true mean about as often as it says", () => {
  const random = new Random(0);
  let covered = 0;
  for (let k = 0; k < 200; k++) {
    const values = Array.from({ length: 64 }, () => random.uniform() < 0.375 ? 1 : 0);
    const [low, high] = bootstrapInterval(values, { resamples: 1000, seed: k });
    if (low <= 0.375 && 0.375 <= high) covered++;
  }
  assert.ok(covered >= 180 && covered <= 199, `${covered} of 200`);
});
