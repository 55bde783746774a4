import { type ChartData, CHARTS, type ChartSpec, type RunSeries } from "../shared/charts.ts";
import type { RunMetrics } from "./metrics.ts";

/** Points of a chart that a screen can tell apart. */
export const CHART_POINTS = 600;

/** A part of a run: the steps from `from` to `to`, both included. */
export interface StepRange {
  /** First step. */
  from: number;
  /** Last step. */
  to: number;
}

/** The points of all charts in a part of a run, each thinned to about `points`. */
export function runSeries(
  metrics: RunMetrics,
  { from, to }: StepRange = { from: 0, to: Infinity },
  points: number = CHART_POINTS,
): RunSeries {
  const first = metrics.steps.findIndex((step) => step >= from);
  const start = first < 0 ? metrics.steps.length : first;
  const end = metrics.steps.findLastIndex((step) => step <= to) + 1;
  const charts = CHARTS.map((chart) => [chart.id, chartData(metrics, chart, start, end, points)]);
  return { lastStep: metrics.steps.at(-1) ?? 0, charts: Object.fromEntries(charts) };
}

function chartData(
  metrics: RunMetrics,
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
 * Chooses rows so that curves drawn through them look as through all: of each of equal stretches,
 * the rows where a column is least and largest, so that no spike is lost.
 *
 * @param columns equally long
 * @returns indices in [start, end), ascending, the first and the last included
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
      let least = low;
      let largest = low;
      for (let row = low; row < high; row++) {
        if (!(column[row] >= column[least])) least = row;
        if (!(column[row] <= column[largest])) largest = row;
      }
      chosen.add(least).add(largest);
    }
  }
  return [...chosen].sort((a, b) => a - b);
}
