import assert from "node:assert/strict";
import { join } from "node:path";
import { quantilesOf } from "../../lib/runs/kinds/chart_spec.ts";
import { runKind } from "../../lib/runs/kinds/registry.ts";
import { chartCsv } from "../../web/islands/chart_download.ts";
import { axisRange } from "../../web/islands/chart_math.ts";
import { RunMetrics } from "../../web/store/metrics.ts";
import { runSeries } from "../../web/shared/thin.ts";
import { withTempDir } from "../temp_dir.ts";
import { metricsRow } from "../../scripts/sample_run.ts";

Deno.test("every logged statistic has a chart, several rewards a line each, arrays their quantiles", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "metrics.jsonl");
    const rows = [1, 2, 3].map((step) => ({
      ...metricsRow(step),
      "ppo/returns/mean": step,
      "env/reward_dist": [step, 0, 2, 1],
      "rewards/short, and sweet/mean": -step,
      "rewards/classifier/mean": step * 2,
      ...(step === 3 ? { "eval/toxicity": 0.25 } : {}),
      "time/unix": 1e9,
    }));
    Deno.writeTextFileSync(path, rows.map((row) => JSON.stringify(row) + "\n").join(""));
    const metrics = new RunMetrics(path, runKind("ppo"));
    await metrics.update();
    const few = runSeries(metrics);
    const { specs, charts, further } = runSeries(metrics, undefined, { all: true });
    const labels = specs.find(({ id }) => id === "rewards")!.series.map(({ label }) => label);
    assert.deepEqual(labels, ["short, and sweet", "classifier"]);
    assert.deepEqual(charts.rewards.values, [[-1, -2, -3], [2, 4, 6]]);
    assert.deepEqual(charts["reward-spread"].values[2], [1, 1.5, 1.5]);
    assert.deepEqual(charts.toxicity.values[1], [null, null, 0.25]);
    assert.deepEqual(charts["statistic ppo/returns/mean"].values, [[1, 2, 3]]);
    assert.equal(charts["statistic tokens/responses_dist"].values.length, 5);
    assert.ok(!("statistic ppo/returns/mean" in few.charts));
    // None is left out, and none is there twice.
    const shown = [...specs, ...further].flatMap(({ series }) =>
      series.map(({ metric }) => metric)
    );
    for (const name of Object.keys(rows[2]).filter((name) => !/^step$|unix|_dist$/.test(name))) {
      assert.equal(shown.filter((metric) => metric === name).length, 1, name);
    }
    assert.deepEqual(Object.keys(metrics.point(0).values).sort(), metrics.names.sort());
  });
});

Deno.test("a run with workers has charts of them, which others do not have", async () => {
  await withTempDir(async (dir) => {
    const path = join(dir, "metrics.jsonl");
    const row = {
      ...metricsRow(1),
      ...{ queue_wait_time_s: 2, weight_sync_time_s: 0.5, generation_tok_per_s: 90 },
      ...{ buffer_qsize: 8, staleness: 1 },
    };
    Deno.writeTextFileSync(path, JSON.stringify(row) + "\n");
    for (const kind of ["ppo", "grpo", "rloo"]) {
      const metrics = new RunMetrics(path, runKind(kind));
      await metrics.update();
      const { charts, specs } = runSeries(metrics);
      assert.deepEqual(charts["fleet-wait"].values, [[2], [0.5]]);
      assert.deepEqual(charts["fleet-rate"].values, [[90]]);
      assert.deepEqual(charts["fleet-ahead"].values, [[8], [1]]);
      assert.ok(
        specs.filter(({ id }) => id.startsWith("fleet-")).every(({ optional }) => optional),
      );
    }
  });
});

Deno.test("quantilesOf interpolates between the nearest values", () => {
  assert.deepEqual(Object.values(quantilesOf("a", [4, 1, 2, 3])), [1, 1.75, 2.5, 3.25, 4]);
  assert.deepEqual(Object.values(quantilesOf("a", [7])), [7, 7, 7, 7, 7]);
});

Deno.test("axisRange does not magnify the noise of a constant", () => {
  const [low, high] = axisRange(0.2 - 1e-9, 0.2 + 1e-9);
  assert.ok(low > 0.05 && low < 0.15 && high > 0.25 && high < 0.35);
  assert.deepEqual(axisRange(-1e-9, 2e-9), [-1e-3, 1e-3]);
  assert.deepEqual(axisRange(0, 0), [0, 1]);
  assert.deepEqual(axisRange(null, null), [0, 1]);
  const [from, to] = axisRange(1, 3);
  assert.ok(from < 1 && from > 0.5 && to > 3 && to < 3.5);
  const [tiny, rate] = axisRange(0, 1.41e-5);
  assert.ok(tiny === 0 && rate > 1.41e-5 && rate < 2e-5);
});

Deno.test("chartCsv has a line a point, and quotes names", () => {
  assert.equal(
    chartCsv("step", ["a, b", "c"], [1, 2], [[0.5, null], [1e-7, 2]]),
    'step,"a, b",c\r\n1,0.5,1e-7\r\n2,,2\r\n',
  );
});
