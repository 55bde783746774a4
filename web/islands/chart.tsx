import type { Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { formatNumber, formatTick } from "../shared/format.ts";
import { axisRange, axisTime, seriesColor, smooth, stack, themeColor } from "./chart_math.ts";
import { downloadPicture, downloadTable } from "./chart_download.ts";

/** A line of a chart. */
export interface Line {
  /** Name in the legend. */
  label: string;
  /** Scale on the right. */
  right?: boolean;
  /** Number of its colour; else its place among the lines. */
  color?: number;
}

/** Properties of a chart. */
export interface ChartProps {
  /** Heading. */
  title: string;
  /** One sentence of explanation. */
  help: string;
  /** Unit of the values. */
  unit: string;
  /** Unit of the values on the right. */
  rightUnit?: string;
  /** Lines. */
  lines: readonly Line[];
  /** Positions on the horizontal axis, ascending; null while they are being loaded. */
  x: readonly number[] | null;
  /** Values of each line at these positions. */
  values: readonly (readonly (number | null)[])[];
  /** Quantity of the horizontal axis. */
  axis: "step" | "time";
  /** Weight of the moving average in smoothed curves, from 0 for no smoothing to below 1. */
  smoothing: number;
  /** Lines on top of each other, as parts of a whole. */
  stacked?: boolean;
  /** Lines that bound bands, the outermost pair first. */
  bands?: boolean;
  /** Position of the cursor, which all charts of a page share. */
  cursor: Signal<number | null>;
  /** Called with the part of the axis to show; null for all. */
  zoom: (range: { from: number; to: number } | null) => void;
}

const HEIGHT = 200;
/** Width of a scale on the right, in pixels. */
const RIGHT_SIZE = 58;

/** A chart with its legend, which shows the values at the cursor, else the last ones. */
export function Chart(props: ChartProps): JSX.Element {
  const { title, help, unit, rightUnit, lines, x, values, cursor, axis } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    // An observer may still be called once the chart has left the page, and its ref is null.
    const element = box.current!;
    const draw = () => {
      plot.current?.destroy();
      plot.current = createPlot(element, latest);
    };
    draw();
    const sizes = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    sizes.observe(element);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      dark.removeEventListener("change", draw);
      sizes.disconnect();
      plot.current?.destroy();
    };
  }, [axis]);

  useEffect(() => plot.current?.setData(plotData(props)), [x, values, props.smoothing]);

  // The cursor of this chart follows the others'.
  useEffect(() =>
    cursor.subscribe((place) => {
      const chart = plot.current;
      if (!chart || chart.cursor.event?.type === "mousemove") return;
      const left = place === null ? -10 : chart.valToPos(place, "x");
      if (chart.cursor.left !== left) chart.setCursor({ left, top: 10 }, false);
    }), []);

  const index = indexAt(x, cursor.value);
  const shown = x === null ? null : x[index];
  return (
    <figure class="chart">
      <figcaption>
        <div class="chart-head">
          <h3>{title}</h3>
          {x !== null && x.length > 0 && (
            <span class="downloads">
              <button
                type="button"
                aria-label={`${title}: download as PNG`}
                onClick={() => downloadPicture(title, lines, box.current!)}
              >
                PNG
              </button>
              <button
                type="button"
                aria-label={`${title}: download as CSV`}
                onClick={() => downloadTable(title, axis, lines, x, values)}
              >
                CSV
              </button>
            </span>
          )}
        </div>
        {help !== "" && <p class="muted">{help}</p>}
        <ul class="legend">
          {lines.map((line, i) =>
            !isMissing(props, i) && (
              <li>
                <span class={`key key-${line.color ?? i}`} aria-hidden="true" />
                {line.label}{" "}
                <strong class="number">
                  {formatNumber(valueAt(values[i] ?? [], index, cursor.value === null))}
                </strong>{" "}
                <span class="muted">{line.right ? rightUnit || "right axis" : unit}</span>
              </li>
            )
          )}
          {shown !== null && shown !== undefined && (
            <li class="muted place">{axis === "step" ? `step ${shown}` : axisTime(shown)}</li>
          )}
        </ul>
      </figcaption>
      <div
        ref={box}
        class="plot"
        tabindex={0}
        role="group"
        aria-label={`${title}: arrow keys move along the curve, + and − zoom, 0 shows all`}
        onKeyDown={(event) => {
          if (onKey(event.key, props, index)) event.preventDefault();
        }}
      >
        {x !== null && x.length === 0 && <p class="plot-empty muted">No step is done yet.</p>}
      </div>
    </figure>
  );
}

/** Returns true for a line that has no values, unlike others of its chart. */
function isMissing({ x, values }: ChartProps, line: number): boolean {
  const hasValues = (column: readonly (number | null)[] = []) =>
    column.some((value) => value !== null);
  return x !== null && values.some(hasValues) && !hasValues(values[line]);
}

/** Index of the position nearest to the cursor; of the last one without a cursor. */
function indexAt(x: readonly number[] | null, cursor: number | null): number {
  if (x === null || x.length === 0) return 0;
  if (cursor === null) return x.length - 1;
  let nearest = 0;
  for (let i = 1; i < x.length; i++) {
    if (Math.abs(x[i] - cursor) < Math.abs(x[nearest] - cursor)) nearest = i;
  }
  return nearest;
}

/** Value at an index; where it is missing and `orLast` is set, the last one there is. */
function valueAt(
  values: readonly (number | null)[],
  index: number,
  orLast: boolean,
): number | null {
  return values[index] ?? (orLast ? values.findLast((value) => value !== null) ?? null : null);
}

/** Reacts to a key; returns false for one without a meaning. */
function onKey(key: string, { x, cursor, zoom }: ChartProps, index: number): boolean {
  if (x === null || x.length === 0) return false;
  const last = x.length - 1;
  const move = { ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: last }[key];
  if (move !== undefined) cursor.value = x[Math.min(last, Math.max(0, move))];
  else if (key === "0") zoom(null);
  else if (key === "+" || key === "-") {
    const width = (x[last] - x[0]) / (key === "+" ? 4 : 1);
    zoom({ from: Math.max(0, x[index] - width), to: x[index] + width });
  } else return false;
  return true;
}

/** Columns of uPlot: positions, the lines as they are, the lines smoothed. */
function plotData({ x, values, lines, smoothing, stacked, bands }: ChartProps): uPlot.AlignedData {
  const columns = lines.map((_, i) => values[i] ?? []);
  if (bands) {
    return [x ?? [], ...columns.map((column) => smooth(column, smoothing))] as uPlot.AlignedData;
  }
  if (stacked) return [x ?? [], ...stack(columns)] as uPlot.AlignedData;
  const smoothed = columns.map((column) => smooth(column, smoothing));
  return [x ?? [], ...columns, ...smoothed] as uPlot.AlignedData;
}

function createPlot(box: HTMLElement, latest: { current: ChartProps }): uPlot {
  const { lines, axis, stacked, bands, cursor } = latest.current;
  const grid = { stroke: themeColor("--line"), width: 1 };
  const axisBase = {
    stroke: themeColor("--muted"),
    grid,
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const labels = (_: uPlot, splits: number[]) => splits.map(formatTick);
  const colorOf = (i: number) => seriesColor(lines[i].color ?? i);
  const line = (i: number, extra: Partial<uPlot.Series>): uPlot.Series => ({
    scale: lines[i].right ? "right" : "left",
    stroke: colorOf(i),
    spanGaps: true,
    points: { show: (chart) => chart.data[0].length === 1, size: 5 },
    ...extra,
  });
  const hasRight = lines.some(({ right }) => right);
  const middle = (lines.length - 1) / 2;
  const series = bands
    ? lines.map((_, i) => line(i, { width: i === middle ? 2 : 1, alpha: i === middle ? 1 : 0.4 }))
    : stacked
    ? lines.map((_, i) => line(i, { width: 1, fill: colorOf(i) }))
    : [
      ...lines.map((_, i) => line(i, { width: 1, alpha: 0.3 })),
      ...lines.map((_, i) => line(i, { width: 2 })),
    ];
  const chart = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      // Plots of a row have the same width, with or without a scale on the right.
      padding: [null, hasRight || box.clientWidth < 400 ? null : RIGHT_SIZE, null, null],
      cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { time: false },
        left: { range: (_, min, max) => stacked ? [0, max * 1.05 || 1] : axisRange(min, max) },
        right: { range: (_, min, max) => axisRange(min, max) },
      },
      bands: bands
        ? Array.from({ length: Math.floor(lines.length / 2) }, (_, i) => ({
          series: [lines.length - i, i + 1],
          fill: themeColor("--band"),
        }))
        : [],
      axes: [
        {
          ...axisBase,
          space: 60,
          size: 28,
          incrs: axis === "step" ? STEP_INCREMENTS : undefined,
          values: (_, splits) => splits.map((x) => axis === "step" ? formatTick(x) : axisTime(x)),
        },
        { ...axisBase, scale: "left", size: 58, values: labels },
        ...(hasRight
          ? [{
            ...axisBase,
            scale: "right",
            side: 1 as const,
            size: 58,
            grid: { show: false },
            values: labels,
          }]
          : []),
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [(chart) => {
          // Only this chart's own mouse counts: other positions came from the other charts.
          const { idx, event } = chart.cursor;
          if (event?.type !== "mousemove" || !chart.root.matches(":hover")) return;
          cursor.value = typeof idx === "number" ? chart.data[0][idx] : null;
        }],
        setSelect: [(chart) => {
          const { left, width } = chart.select;
          if (width < 4) return;
          const from = chart.posToVal(left, "x");
          latest.current.zoom({ from, to: chart.posToVal(left + width, "x") });
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        }],
      },
    },
    plotData(latest.current),
    box,
  );
  chart.over.addEventListener("mouseleave", () => cursor.value = null);
  chart.over.addEventListener("dblclick", () => latest.current.zoom(null));
  return chart;
}

/** Distances between the ticks of an axis of steps, which are integers. */
const STEP_INCREMENTS = [1, 10, 100, 1000, 10_000, 100_000].flatMap((n) => [n, 2 * n, 5 * n]);
