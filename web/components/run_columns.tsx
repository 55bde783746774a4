import type { JSX } from "preact";
import {
  type HeadlineNumber,
  type RunOverview,
  type RunSort,
  TABLE_METRICS,
} from "../shared/overview.ts";
import { capitalized, formatNumber, heading } from "../shared/format.ts";
import { ChangeValue, Sparkline } from "./parts.tsx";

/** A run in a table, with or without small curves. */
type TabledRun = RunOverview & { curves?: number[][] };

/** A column of a table of runs, for numbers that depend on the kinds of the runs. */
export interface RunColumn {
  /** Name that sorts by it. */
  sort: RunSort;
  /** Heading. */
  title: string;
  /** Class of its cells. */
  class: "number" | "change";
  /** Content of a run's cell. */
  Cell: (props: { run: TabledRun }) => JSX.Element;
}

/**
 * Columns for what the runs of a table have achieved. Runs of one kind get a column for each of their
 * headline statistics. Runs of several kinds share one for the first, which then has its name in each
 * cell.
 */
export function runColumns(runs: readonly TabledRun[]): RunColumn[] {
  const isMixed = new Set(runs.map(({ kind }) => kind)).size > 1;
  const label = runs.flatMap(({ changes }) => changes.map(({ label }) => label)).at(0);
  const result: RunColumn = {
    sort: "result",
    title: isMixed || label === undefined ? "Before → after" : heading(label),
    class: "change",
    Cell: ({ run: { changes: [change] } }) => (
      <>
        {isMixed && change && <span class="muted folder">{change.label}</span>}
        <ChangeValue change={change} />
      </>
    ),
  };
  const headline = runs[0]?.headline ?? [];
  const metrics = isMixed
    ? [metricColumn("metric", "Last step", 0, true)]
    : headline.slice(0, TABLE_METRICS).map((number, i) =>
      metricColumn(i === 0 ? "metric" : "metric2", headlineTitle(number), i, false)
    );
  return [...metrics, result];
}

/** Name of a headline statistic with its unit: "KL (nats)". */
export function headlineTitle({ label, unit }: Pick<HeadlineNumber, "label" | "unit">): string {
  return unit === "" ? capitalized(label) : `${capitalized(label)} (${unit})`;
}

function metricColumn(sort: RunSort, title: string, index: number, isNamed: boolean): RunColumn {
  return {
    sort,
    title,
    class: "number",
    Cell: ({ run }) => {
      const number = run.headline.at(index);
      if (!number) return <span class="muted">–</span>;
      const { label, value } = number;
      const curve = run.curves?.[index];
      return (
        <>
          {isNamed && <span class="muted folder">{label}</span>}
          <span class="curve">
            {curve && <Sparkline values={curve} label={`${label} of ${run.name} over its steps`} />}
            {formatNumber(value)}
          </span>
        </>
      );
    },
  };
}
