import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { ChartSpec } from "../../lib/runs/kinds/chart_spec.ts";
import type { RunSeries } from "../shared/charts.ts";
import { Chart } from "./chart.tsx";
import { ChartControls, type ChartView } from "./chart_controls.tsx";
import { comparePanels } from "./compare_panels.ts";
import { fetchSeries } from "./live_run.ts";

/** Milliseconds between refreshes while a run is running. */
const REFRESH_MS = 5000;

/** A run in a comparison. */
export interface ComparedRun {
  /** Name of its folder. */
  id: string;
  /** Name in legends. */
  name: string;
  /** Name of its kind. */
  kind: string;
  /** True while it is running, and so its curves grow. */
  running: boolean;
}

/** Curves of several runs in the same charts. */
export function CompareCharts(
  { runs, charts }: {
    runs: ComparedRun[];
    /** Charts of each kind of run. */
    charts: Record<string, readonly ChartSpec[]>;
  },
): JSX.Element {
  const view: ChartView = {
    smoothing: useSignal(0),
    axis: useSignal<"step" | "time">("step"),
    range: useSignal<{ from: number; to: number } | null>(null),
  };
  const cursor = useSignal<number | null>(null);
  const series = useSignal<(RunSeries | null)[]>(runs.map(() => null));
  const load = async (range: { from: number; to: number } | null) => {
    const loaded = await Promise.all(
      runs.map(({ id }) => fetchSeries(id, range ?? undefined).catch(() => null)),
    );
    // After a lost connection the points from before stay.
    if (view.range.peek() !== range) return;
    series.value = loaded.map((one, i) => one ?? series.peek()[i]);
  };
  const range = view.range.value;
  useEffect(() => void load(range), [range]);
  useEffect(() => {
    if (!runs.some(({ running }) => running)) return;
    const timer = setInterval(() => document.hidden || load(view.range.peek()), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);

  const axis = view.axis.value;
  const loaded = series.value.some((one) => one !== null);
  return (
    <section aria-label="Charts">
      {/* Times differ between runs, so a part of them is chosen by steps. */}
      <ChartControls view={view} hint="Drag across a chart by step to zoom in." />
      <div class="charts">
        {comparePanels(charts).map(({ title, help, unit, lines }) => {
          const shown = runs.flatMap(({ name, kind }, i) =>
            kind in lines ? { name, color: i, line: lines[kind], series: series.value[i] } : []
          );
          const curves = shown.map(({ line, series }) => {
            const data = series?.charts[line.chart];
            return {
              x: data?.[axis === "step" ? "step" : "elapsed"] ?? [],
              y: data?.values[line.index] ?? [],
            };
          });
          const { x, values } = join(curves);
          // A statistic that is measured only on request may be in none of the runs.
          if (loaded && values.flat().every((value) => value === null)) return null;
          return (
            <Chart
              key={`${title} ${unit}`}
              title={title}
              help={help}
              unit={unit}
              lines={shown.map(({ name, color }) => ({ label: name, color }))}
              x={loaded ? x : null}
              values={values}
              axis={axis}
              smoothing={view.smoothing.value}
              cursor={cursor}
              zoom={(range) => {
                if (axis === "time") return;
                view.range.value = range &&
                  { from: Math.floor(range.from), to: Math.ceil(range.to) };
              }}
            />
          );
        })}
      </div>
    </section>
  );
}

/** Puts curves on a common axis; null stands for a missing point. */
function join(
  curves: readonly { x: readonly number[]; y: readonly (number | null)[] }[],
): { x: number[]; values: (number | null)[][] } {
  const x = [...new Set(curves.flatMap((curve) => [...curve.x]))].sort((a, b) => a - b);
  const index = new Map(x.map((value, i) => [value, i]));
  const values = curves.map((curve) => {
    const column = new Array<number | null>(x.length).fill(null);
    curve.x.forEach((value, i) => column[index.get(value)!] = curve.y[i]);
    return column;
  });
  return { x, values };
}
