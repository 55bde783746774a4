import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ChartSpec } from "../../lib/runs/kinds/chart_spec.ts";
import type { RunSeries } from "../shared/charts.ts";
import type { ChartView } from "./chart_controls.tsx";
import { ChartGrid } from "./chart_grid.tsx";
import { fetchSeries, type LiveRun, liveRun, wantAll } from "./live_run.ts";

/** Charts of a run, which grow while it is training. */
export function RunCharts(
  { id, charts }: { id: string; charts: readonly ChartSpec[] },
): JSX.Element {
  const live = useSignal<LiveRun | null>(null);
  const view: ChartView = {
    smoothing: useSignal(0),
    axis: useSignal<"step" | "time">("step"),
    range: useSignal<{ from: number; to: number } | null>(null),
  };
  const part = useSignal<RunSeries | null>(null);
  useEffect(() => void (live.value = liveRun(id)), []);
  // A part of a long run is read anew: the whole was thinned to the width of a screen.
  useSignalEffect(() => {
    const range = view.range.value;
    part.value = null;
    if (!range) return;
    fetchSeries(id, range, live.value?.all).then(
      (series) => {
        if (view.range.peek() === range) part.value = series;
      },
      () => view.range.value = null,
    );
  });

  return (
    <ChartGrid
      charts={charts}
      series={part.value ?? live.value?.series.value ?? null}
      view={view}
      wantFurther={() => {
        if (live.value) wantAll(id, live.value).catch(() => {});
      }}
    />
  );
}
