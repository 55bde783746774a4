import { type ChartSpec, quantileSeries, quantilesOf } from "../../lib/runs/kinds/chart_spec.ts";
import type { RunKind } from "../../lib/runs/kinds/run_kind.ts";
import { DERIVED, type StepPoint } from "./charts.ts";

/** Part of a kind of run that its statistics are read by. */
export type MetricsKind = Pick<RunKind, "charts" | "stepTimes">;

/** Seconds of a whole step, from a row of `metrics.jsonl`. */
export function stepSeconds(
  row: Readonly<Record<string, unknown>>,
  stepTimes: readonly string[],
): number {
  return stepTimes.reduce((sum, name) => sum + number(row[name], 0), 0);
}

/** Names in a row that are no statistics. */
const NO_STATISTICS: readonly string[] = ["step", "time/unix"];

/** Statistics of a run's steps, in columns. */
export class MetricColumns {
  /** Numbers of the steps, ascending. */
  readonly steps: number[] = [];
  /** Seconds of training at the end of each step: a sum, so that pauses do not count. */
  readonly elapsed: number[] = [];
  /** Number of times that rows read before became void, as when a run is resumed from a checkpoint. */
  restarts = 0;

  /** Charts of the run's kind. */
  readonly #charts: readonly ChartSpec[];
  /** Statistics that are arrays, each in the columns of its quantiles. */
  readonly #arrays = new Set<string>();

  readonly #stepTimes: readonly string[];
  /** Statistics of the chart that shows the rest of a step's time. */
  readonly #partTimes: readonly string[];
  readonly #columns: Map<string, number[]>;

  /** Has no steps yet. */
  constructor({ charts, stepTimes }: MetricsKind) {
    const metricsOf = ({ series }: ChartSpec) => series.map(({ metric }) => metric);
    this.#charts = charts;
    this.#stepTimes = stepTimes;
    this.#partTimes = charts.map(metricsOf).find((names) => names.includes(DERIVED.otherTime)) ??
      [];
    this.#columns = new Map(charts.flatMap(metricsOf).map((name) => [name, []]));
  }

  /** Values of a statistic, one for each step; NaN for a missing one. */
  column(metric: string): readonly number[] {
    return this.#columns.get(metric) ?? [];
  }

  /** Names of all statistics that there are columns of. */
  get names(): string[] {
    return [...this.#columns.keys()];
  }

  /** Charts of the run, with the lines that its own statistics add; those without any are left out. */
  get charts(): ChartSpec[] {
    return this.#charts.map((chart) => {
      if (!chart.each) return chart;
      const { prefix, suffix } = chart.each;
      const found = this.names.filter((name) => name.startsWith(prefix) && name.endsWith(suffix));
      const series = found.map((metric) => ({
        metric,
        label: metric.slice(prefix.length, metric.length - suffix.length),
      }));
      return { ...chart, series: [...chart.series, ...series] };
    }).filter(({ series }) => series.length > 0);
  }

  /** A chart of each statistic that no other chart shows. */
  get further(): ChartSpec[] {
    const shown = new Set(this.charts.flatMap(({ series }) => series.map(({ metric }) => metric)));
    const spread = [...this.#arrays].map((name) => ({
      title: name,
      series: quantileSeries(name),
      bands: true,
    }));
    const parts = spread.flatMap(({ series }) => series.map(({ metric }) => metric));
    const single = this.names.filter((name) => !parts.includes(name)).map((name) => ({
      title: name,
      series: [{ metric: name, label: name.split("/").at(-1)! }],
    }));
    return [...single, ...spread]
      .filter(({ series: [{ metric }] }) => !shown.has(metric))
      .sort((a, b) => a.title < b.title ? -1 : 1)
      .map((chart) => ({ id: `statistic ${chart.title}`, help: "", unit: "", ...chart }));
  }

  /** Point of a step, by its index. */
  point(index: number): StepPoint {
    const values = Array.from(this.#columns, ([name, column]) => [name, finite(column[index])]);
    return {
      step: this.steps[index],
      elapsed: finite(this.elapsed[index]) ?? 0,
      values: Object.fromEntries(values),
    };
  }

  /** Adds a row of `metrics.jsonl`, in place of those from its step on; what is no row is left out. */
  append(row: Readonly<Record<string, unknown>> | null): void {
    const step = row?.step;
    if (row === null || typeof step !== "number") return;
    const from = this.steps.findLastIndex((known) => known < step) + 1;
    if (from < this.steps.length) this.cut(from);
    const seconds = stepSeconds(row, this.#stepTimes);
    this.steps.push(step);
    this.elapsed.push((this.elapsed.at(-1) ?? 0) + seconds);
    const responses = Array.isArray(row["tokens/responses_dist"])
      ? row["tokens/responses_dist"].length
      : NaN;
    const tokens = number(row["tokens/responses_len_mean"]) * responses;
    const derived: Record<string, number> = {
      [DERIVED.otherTime]: Math.max(0, seconds - stepSeconds(row, this.#partTimes)),
      [DERIVED.tokensPerSecond]: tokens / seconds,
    };
    const values = new Map<string, unknown>(Object.entries(derived));
    for (const [name, value] of Object.entries(row)) {
      if (NO_STATISTICS.includes(name)) continue;
      if (typeof value === "number") values.set(name, value);
      else if (isNumbers(value)) {
        this.#arrays.add(name);
        for (const part of Object.entries(quantilesOf(name, value))) values.set(...part);
      }
    }
    for (const name of values.keys()) {
      if (!this.#columns.has(name) && !(name in derived)) {
        this.#columns.set(name, new Array(this.steps.length - 1).fill(NaN));
      }
    }
    for (const [name, column] of this.#columns) column.push(number(values.get(name)));
  }

  /** Forgets all steps from an index on. */
  cut(from: number): void {
    this.restarts++;
    this.steps.length = from;
    this.elapsed.length = from;
    for (const column of this.#columns.values()) column.length = from;
  }
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((one) => typeof one === "number");
}

function number(value: unknown, otherwise: number = NaN): number {
  return typeof value === "number" ? value : otherwise;
}

/** A number as short as a chart can use it: JSON has no NaN, and no pixel has sixteen digits. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : null;
}
