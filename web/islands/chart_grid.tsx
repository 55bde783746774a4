import { useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import type { ChartSpec } from "../../lib/runs/kinds/chart_spec.ts";
import type { ChartData, RunSeries } from "../shared/charts.ts";
import { Chart } from "./chart.tsx";
import { ChartControls, type ChartView } from "./chart_controls.tsx";

/** Charts of a run's points, and what they have in common. */
export function ChartGrid(
  { charts, series, view, wantFurther }: {
    /** Charts to show until there are points. */
    charts: readonly ChartSpec[];
    /** Points; null while they are being loaded. */
    series: RunSeries | null;
    view: ChartView;
    /** Called when the points of the further statistics are wanted. */
    wantFurther?: () => void;
  },
): JSX.Element {
  const cursor = useSignal<number | null>(null);
  const isOpen = useSignal(false);
  const search = useSignal("");
  useSignalEffect(() => {
    view.range.value;
    cursor.value = null;
  });
  const axis = view.axis.value;
  const chart = (spec: ChartSpec) => {
    const data = series?.charts[spec.id] ?? null;
    return (
      <Chart
        // Lines that come later need another plot.
        key={`${spec.id} ${spec.series.length}`}
        title={spec.title}
        help={spec.help}
        unit={spec.unit}
        rightUnit={spec.rightUnit}
        lines={spec.bands ? spec.series.map((line) => ({ ...line, color: 0 })) : spec.series}
        stacked={spec.stacked}
        bands={spec.bands}
        x={data && (axis === "step" ? data.step : data.elapsed)}
        values={data?.values ?? []}
        axis={axis}
        smoothing={view.smoothing.value}
        cursor={cursor}
        zoom={(range) => view.range.value = range && data && inSteps(range, data, axis)}
      />
    );
  };
  // What a run does not measure, such as the KL without a reference, has no chart; before the first
  // step only what may well be missing.
  const isEmpty = ({ id, bands, each, optional }: ChartSpec) =>
    Boolean(bands || each || optional || series?.lastStep) &&
    !series?.charts[id]?.values.some((column) => column.some((value) => value !== null));
  const further = series?.further ?? [];
  const found = further.filter(({ title }) => title.includes(search.value.trim()));
  return (
    <section aria-labelledby="charts-title">
      <h2 id="charts-title" class="visually-hidden">Charts</h2>
      <ChartControls view={view} hint="Drag across a chart to zoom in; double-click for all." />
      <div class="charts" data-last-step={series?.lastStep}>
        {(series?.specs.length ? series.specs : charts).filter((spec) => !isEmpty(spec)).map(chart)}
      </div>
      {further.length > 0 && (
        <details
          class="further"
          onToggle={(event) => {
            isOpen.value = event.currentTarget.open;
            if (isOpen.value) wantFurther?.();
          }}
        >
          <summary>All other statistics ({further.length})</summary>
          {isOpen.value && (
            <>
              <p class="actions top">
                <label>
                  Name
                  <input
                    type="search"
                    value={search.value}
                    onInput={(event) => search.value = event.currentTarget.value}
                  />
                </label>
                <span role="status" class="muted">{found.length} shown</span>
              </p>
              <div class="charts">{found.map(chart)}</div>
            </>
          )}
        </details>
      )}
    </section>
  );
}

/** Converts a part of the axis to the steps in it, with one more on either side. */
function inSteps(
  { from, to }: { from: number; to: number },
  { step, elapsed }: ChartData,
  axis: "step" | "time",
): { from: number; to: number } | null {
  if (step.length < 2) return null;
  const x = axis === "step" ? step : elapsed;
  const first = Math.max(0, x.findLastIndex((place) => place <= from));
  const beyond = x.findIndex((place) => place >= to);
  const last = beyond < 0 ? x.length - 1 : beyond;
  return { from: step[first], to: step[Math.max(last, first + 1)] };
}
