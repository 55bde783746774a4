import { type Signal, signal } from "@preact/signals";
import type { RunSeries, StepPoint } from "../shared/charts.ts";
import type { RunOverview } from "../shared/overview.ts";

/** Milliseconds before a connection that the server refused is tried again. */
const RETRY_MS = 2000;

/** A run and its progress, shared by all islands of a page. */
export interface LiveRun {
  /** Overview; null until the server has sent one. */
  overview: Signal<RunOverview | null>;
  /** State of the connection to the server. */
  connection: Signal<"connecting" | "open" | "lost">;
  /** Points of the charts, complete up to `lastStep`; null until they are loaded. */
  series: Signal<RunSeries | null>;
  /** True once the points of all statistics are wanted. */
  all: boolean;
}

const runs = new Map<string, LiveRun>();

/**
 * Follows a run: reads its points, then listens for new ones. After a lost connection it goes on from
 * the last step received, so that none is missing.
 */
export function liveRun(id: string): LiveRun {
  let live = runs.get(id);
  if (!live) {
    live = {
      overview: signal(null),
      connection: signal("connecting"),
      series: signal(null),
      all: false,
    };
    runs.set(id, live);
    follow(id, live);
  }
  return live;
}

/** Has the points of all statistics read, now and from now on. */
export async function wantAll(id: string, live: LiveRun): Promise<void> {
  live.all = true;
  const series = await fetchSeries(id, null, true);
  // Events that came meanwhile are in it, or come again.
  if (series.lastStep >= (live.series.value?.lastStep ?? 0)) live.series.value = series;
}

/** Reads the points of a run, or of a part of it; with `all`, of all its statistics. */
export async function fetchSeries(
  id: string,
  range: { from: number; to: number } | null = null,
  all: boolean = false,
): Promise<RunSeries> {
  const query = new URLSearchParams({
    ...(range ? { from: String(range.from), to: String(range.to) } : {}),
    ...(all ? { all: "" } : {}),
  });
  const response = await fetch(`/api/runs/${encodeURIComponent(id)}/series?${query}`);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return await response.json();
}

async function follow(id: string, live: LiveRun): Promise<void> {
  try {
    live.series.value = await fetchSeries(id, null, live.all);
  } catch {
    live.connection.value = "lost";
    setTimeout(() => follow(id, live), RETRY_MS);
    return;
  }
  const after = live.series.value.lastStep;
  const events = new EventSource(`/api/runs/${encodeURIComponent(id)}/events?after=${after}`);
  events.onopen = () => live.connection.value = "open";
  events.onerror = () => {
    live.connection.value = "lost";
    // The browser reconnects by itself, with the last step received, unless the answer was an error.
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow(id, live), RETRY_MS);
  };
  events.addEventListener("overview", (event) => live.overview.value = JSON.parse(event.data));
  events.addEventListener("point", (event) => {
    const { series } = live;
    if (series.value) series.value = extend(series.value, JSON.parse(event.data));
  });
  events.addEventListener("restart", () => {
    // The run was resumed from an earlier step: the points after it are void.
    events.close();
    follow(id, live);
  });
}

/** Adds a step to the points. */
function extend(series: RunSeries, point: StepPoint): RunSeries {
  if (point.step <= series.lastStep) return series;
  const charts: RunSeries["charts"] = {};
  for (const [id, { step, elapsed, values, metrics }] of Object.entries(series.charts)) {
    charts[id] = {
      metrics,
      step: [...step, point.step],
      elapsed: [...elapsed, point.elapsed],
      values: values.map((column, i) => [...column, point.values[metrics[i]] ?? null]),
    };
  }
  return { ...series, lastStep: point.step, charts };
}
