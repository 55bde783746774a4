import type { ChartSpec } from "../../lib/runs/kinds/chart_spec.ts";
import type { ChartData, RunSeries } from "./charts.ts";
import type { MetricColumns } from "./metric_columns.ts";

/** Maximum number of points of a chart: more than a screen can tell apart. */
export const CHART_POINTS = 600;

/** Part of a run: the steps from `from` to `to`, both inclusive. */
export interface StepRange {
  /** First step. */
  from: number;
  /** Last step. */
  to: number;
}

/**
 * Points of the charts in a part of a run, each thinned to about `points`; with `all`, also of those
 * of all further statistics.
 */
export function runSeries(
  metrics: MetricColumns,
  { from, to }: StepRange = { from: 0, to: Infinity },
  { points = CHART_POINTS, all = false }: { points?: number; all?: boolean } = {},
): RunSeries {
  const first = metrics.steps.findIndex((step) => step >= from);
  const start = first < 0 ? metrics.steps.length : first;
  const end = metrics.steps.findLastIndex((step) => step <= to) + 1;
  const specs = metrics.charts;
  const further = metrics.further;
  const charts = [...specs, ...(all ? further : [])].map((chart) => [
    chart.id,
    chartData(metrics, chart, start, end, points),
  ]);
  return {
    lastStep: metrics.steps.at(-1) ?? 0,
    specs,
    further,
    charts: Object.fromEntries(charts),
  };
}

function chartData(
  metrics: MetricColumns,
  { series }: ChartSpec,
  start: number,
  end: number,
  points: number,
): ChartData {
  const columns = series.map(({ metric }) => metrics.column(metric));
  const rows = thin(columns, start, end, points);
  const short = (value: number) => Number.isFinite(value) ? Number(value.toPrecision(6)) : null;
  return {
    metrics: series.map(({ metric }) => metric),
    step: rows.map((row) => metrics.steps[row]),
    elapsed: rows.map((row) => Number(metrics.elapsed[row].toFixed(2))),
    values: columns.map((column) => rows.map((row) => short(column[row]))),
  };
}

/**
 * Chooses rows so that curves drawn through them look as they do through all rows: from each of
 * several equal stretches, the rows where a column has its minimum and maximum, so that no spike is
 * lost.
 *
 * @param columns columns of the same length
 * @returns indices in [start, end), ascending, including the first and the last
 */
export function thin(
  columns: readonly (readonly number[])[],
  start: number,
  end: number,
  points: number,
): number[] {
  const count = end - start;
  if (count <= points) return Array.from({ length: Math.max(0, count) }, (_, i) => start + i);
  const buckets = Math.max(1, Math.floor(points / (2 * columns.length)));
  const chosen = new Set([start, end - 1]);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const low = start + Math.floor(bucket * count / buckets);
    const high = start + Math.floor((bucket + 1) * count / buckets);
    for (const column of columns) {
      let lowest = low;
      let highest = low;
      for (let row = low; row < high; row++) {
        // A statistic that few rows have is kept where it is there.
        if (Number.isNaN(column[row])) continue;
        if (!(column[lowest] <= column[row])) lowest = row;
        if (!(column[highest] >= column[row])) highest = row;
      }
      chosen.add(lowest).add(highest);
    }
  }
  return [...chosen].sort((a, b) => a - b);
}
