import assert from "node:assert/strict";
import { join } from "node:path";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import { stepSeconds } from "../../web/shared/metric_columns.ts";
import { RunMetrics } from "../../web/store/metrics.ts";
import { runSeries, thin } from "../../web/shared/thin.ts";
import { withTempDir } from "../temp_dir.ts";
import { metricsRow, writeSampleRun } from "../../scripts/sample_run.ts";

const PPO = runKind("ppo");

Deno.test("RunMetrics keeps columns, sums the time and derives the throughput", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeSampleRun(dir, "a", { step: 3 }), "metrics.jsonl");
    const metrics = new RunMetrics(path, PPO);
    await metrics.update();
    assert.deepEqual(metrics.steps, [1, 2, 3]);
    assert.equal(stepSeconds(metricsRow(1), PPO.stepTimes), 2);
    assert.deepEqual(metrics.elapsed, [2, 4, 6]);
    const mean = metricsRow(2)["tokens/responses_len_mean"] as number;
    assert.equal(metrics.column("tokens_per_second")[1], mean * 4 / 2);
    const { values, ...rest } = metrics.point(2);
    assert.deepEqual(rest, { step: 3, elapsed: 6 });
    assert.equal(values["objective/kl_coef"], 0.1997);
    assert.ok(Math.abs(values["time/other"]! - 0.1) < 1e-6);
  });
});

Deno.test("RunMetrics drops steps that a resumed run repeats, and what is no row", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeSampleRun(dir, "a", { step: 5 }), "metrics.jsonl");
    const metrics = new RunMetrics(path, PPO);
    await metrics.update();
    const again = { ...metricsRow(4), "objective/kl": NaN };
    const text = `{"torn\n[]\n${JSON.stringify(again)}\n`;
    Deno.writeTextFileSync(path, text, { append: true });
    await Promise.all([metrics.update(), metrics.update()]);
    assert.deepEqual(metrics.steps, [1, 2, 3, 4]);
    assert.deepEqual(metrics.elapsed, [2, 4, 6, 8]);
    assert.equal(metrics.restarts, 1);
    assert.equal(metrics.point(3).values["objective/kl"], null);
  });
});

Deno.test("thin keeps the ends and every column's extremes", () => {
  const count = 10_000;
  const a = Array.from({ length: count }, (_, i) => Math.sin(i / 500));
  const b = a.map((value) => -value);
  a[4321] = 50;
  b[7777] = -50;
  const rows = thin([a, b], 0, count, 400);
  assert.ok(rows.length <= 402, String(rows.length));
  for (const row of [0, 4321, 7777, count - 1]) assert.ok(rows.includes(row), String(row));
  assert.deepEqual(rows, [...new Set(rows)].sort((x, y) => x - y));
  assert.deepEqual(thin([a], 10, 13, 400), [10, 11, 12]);
  // A statistic that is measured now and then keeps its points.
  const seldom = a.map((_, i) => i % 1000 === 500 ? i : NaN);
  const kept = thin([a, seldom], 0, count, 400);
  for (let row = 500; row < count; row += 1000) assert.ok(kept.includes(row), String(row));
  assert.deepEqual(thin([a], 0, 0, 400), []);
});

Deno.test("runSeries cuts out a range of steps", async () => {
  await withTempDir(async (dir) => {
    const path = join(writeSampleRun(dir, "a", { step: 50 }), "metrics.jsonl");
    const metrics = new RunMetrics(path, PPO);
    await metrics.update();
    const { lastStep, charts } = runSeries(metrics, { from: 11, to: 13 });
    assert.equal(lastStep, 50);
    assert.deepEqual(charts.reward.step, [11, 12, 13]);
    assert.equal(charts.kl.values.length, 2);
    assert.deepEqual(charts.kl.metrics, ["objective/kl", "objective/kl_coef"]);
    assert.deepEqual(runSeries(metrics, { from: 90, to: 99 }).charts.reward.step, []);
    assert.ok(runSeries(metrics, undefined, { points: 10 }).charts.reward.step.length <= 12);
  });
});
