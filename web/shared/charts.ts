import type { ChartSpec } from "../../lib/runs/kinds/chart_spec.ts";

/** Statistics that the site computes from others. */
export const DERIVED = {
  /** Response tokens generated for each second of the whole step. */
  tokensPerSecond: "tokens_per_second",
  /** Seconds of the step that no other line of the same chart has. */
  otherTime: "time/other",
} as const;

/** Points of a chart. All arrays are of the same length; null stands for a missing number. */
export interface ChartData {
  /** Statistic of each line, in the order of the chart. */
  metrics: string[];
  /** Steps, ascending. */
  step: number[];
  /** Seconds of training at the end of each step. */
  elapsed: number[];
  /** Values of each line. */
  values: (number | null)[][];
}

/** Points of all charts of a run, by the charts' ids. */
export interface RunSeries {
  /** Number of the last step. */
  lastStep: number;
  /** Charts of the run. */
  specs: readonly ChartSpec[];
  /** Charts of the statistics that no other chart shows. */
  further: readonly ChartSpec[];
  /** Points of the charts; of the further ones only where they were asked for. */
  charts: Record<string, ChartData>;
}

/** Points that a step adds to the charts. */
export interface StepPoint {
  /** Number of the step, from 1. */
  step: number;
  /** Seconds of training at its end. */
  elapsed: number;
  /** Values by statistic; null for a missing number. */
  values: Record<string, number | null>;
}
