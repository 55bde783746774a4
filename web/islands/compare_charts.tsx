import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { CHARTS, type RunSeries } from "../shared/charts.ts";
import type { RunKind } from "../shared/overview.ts";
import { Chart } from "./chart.tsx";
import { ChartControls, type ChartView } from "./chart_controls.tsx";
import { fetchSeries } from "./live_run.ts";

/** Milliseconds between looks at runs that are running. */
const REFRESH_MS = 5000;

/** A run that is compared. */
export interface ComparedRun {
  /** Name of its folder. */
  id: string;
  /** What it is called. */
  name: string;
  /** How it trains. */
  kind: RunKind;
  /** Whether it is running, and so its curves grow. */
  running: boolean;
}

/** Every line of every chart that is no part of a whole: a chart of its own here, a line a run. */
const PANELS = CHARTS.filter(({ stacked }) => !stacked).flatMap((chart) =>
  chart.series.map((series, index) => ({
    chart,
    index,
    title: chart.series.length > 1 ? `${chart.title}: ${series.label}` : chart.title,
    unit: (series.right ? chart.rightUnit : chart.unit) ?? "",
  }))
);

/** The curves of several runs over each other. */
export function CompareCharts({ runs }: { runs: ComparedRun[] }): JSX.Element {
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
    // A lost connection leaves what is there.
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
  const kinds = new Set(runs.map(({ kind }) => kind));
  const panels = PANELS.filter(({ chart }) => kinds.has(chart.of ?? "ppo"));
  const loaded = series.value.some((one) => one !== null);
  return (
    <section aria-label="Charts">
      {/* The runs' times differ, so a part of them is chosen by steps. */}
      <ChartControls view={view} hint="Drag across a chart by step to zoom in." />
      <div class="charts">
        {panels.map(({ chart, index, title, unit }) => {
          const curves = series.value.map((one) => {
            const data = one?.charts[chart.id];
            return {
              x: data?.[axis === "step" ? "step" : "elapsed"] ?? [],
              y: data?.values[index] ?? [],
            };
          });
          const { x, values } = join(curves);
          return (
            <Chart
              key={title}
              title={title}
              help={chart.help}
              unit={unit}
              lines={runs.map(({ name }) => ({ label: name }))}
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

/** Curves on a common axis; null where one has no point. */
function join(
  curves: readonly { x: readonly number[]; y: readonly (number | null)[] }[],
): { x: number[]; values: (number | null)[][] } {
  const x = [...new Set(curves.flatMap((curve) => [...curve.x]))].sort((a, b) => a - b);
  const place = new Map(x.map((value, i) => [value, i]));
  const values = curves.map((curve) => {
    const column = new Array<number | null>(x.length).fill(null);
    curve.x.forEach((value, i) => column[place.get(value)!] = curve.y[i]);
    return column;
  });
  return { x, values };
}
