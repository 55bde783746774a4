import type { RunOverview, RunRow, RunsPage, RunsQuery } from "../shared/overview.ts";
import { TABLE_METRICS } from "../shared/overview.ts";
import { parseObject } from "../shared/json_rows.ts";
import { sampleLines } from "./json_lines.ts";
import { kindNamed } from "./kinds.ts";
import type { Overviews } from "./overviews.ts";
import type { RunsFolder } from "./runs_folder.ts";

/** Number of rows on a page of the table of runs. */
export const RUNS_PER_PAGE = 25;
/** Maximum number of points of a small curve. */
const CURVE_POINTS = 40;

/** Page of the table of runs that a query asks for. */
export async function runsPage(
  folder: RunsFolder,
  overviews: Overviews,
  query: RunsQuery,
): Promise<RunsPage> {
  const all = await overviews.all();
  const search = query.search.toLowerCase();
  const found = all.filter((run) =>
    (query.state === "" || run.state === query.state) &&
    (query.kind === "" || run.kind === query.kind) &&
    [run.name, run.id, run.model].some((text) => text.toLowerCase().includes(search))
  );
  found.sort(comparator(query));
  const pages = Math.max(1, Math.ceil(found.length / RUNS_PER_PAGE));
  const page = Math.min(Math.max(1, query.page), pages);
  const shown = found.slice((page - 1) * RUNS_PER_PAGE, page * RUNS_PER_PAGE);
  const rows = await Promise.all(shown.map((run) => withCurves(folder, run)));
  return { rows, all: all.length, total: found.length, kinds: kindsOf(all), page, pages };
}

function kindsOf(runs: readonly RunOverview[]): RunsPage["kinds"] {
  const titles = new Map(runs.map(({ kind, kindTitle }) => [kind, kindTitle ?? kind]));
  return Array.from(titles, ([kind, title]) => ({ kind, title }))
    .sort((a, b) => a.title.localeCompare(b.title, "en"));
}

async function withCurves(folder: RunsFolder, run: RunOverview): Promise<RunRow> {
  const path = folder.resolve(run.id, "metrics.jsonl");
  const lines = path === null ? [] : await sampleLines(path, CURVE_POINTS);
  const rows = lines.map((line) => parseObject(line) ?? {});
  const headline = kindNamed(run.kind)?.headline ?? [];
  const curves = headline.slice(0, TABLE_METRICS).map(({ metric }) =>
    rows.map((row) => row[metric]).filter((value) => typeof value === "number")
      .map((value) => Number(value.toPrecision(4)))
  );
  return { ...run, curves };
}

/** Value that a run is sorted by; null for a run without one. */
type SortValue = string | number | null;

/**
 * Sorts by the query's column. Runs without a value come last in either direction, equal ones by age.
 * Numbers of different names, such as a reward and a loss, are not comparable: they stay apart.
 */
function comparator({ sort, descending }: RunsQuery): (a: RunOverview, b: RunOverview) => number {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [sortValue(a, sort), sortValue(b, sort)];
    if (x.value === null || y.value === null) {
      return Number(x.value === null) - Number(y.value === null);
    }
    if (x.label !== y.label) return x.label.localeCompare(y.label, "en");
    const order = typeof x.value === "string" && typeof y.value === "string"
      ? x.value.localeCompare(y.value, "en", { numeric: true })
      : Number(x.value) - Number(y.value);
    return order === 0 ? b.started - a.started : sign * order;
  };
}

function sortValue(
  run: RunOverview,
  sort: RunsQuery["sort"],
): { label: string; value: SortValue } {
  switch (sort) {
    case "progress":
      return { label: "", value: run.steps ? run.step / run.steps : 0 };
    case "metric":
    case "metric2": {
      const { label, value } = run.headline[sort === "metric" ? 0 : 1] ??
        { label: "", value: null };
      return { label, value };
    }
    case "result": {
      const [change] = run.changes;
      if (!change) return { label: "", value: null };
      const { label, before, after, better } = change;
      return { label, value: better === "higher" ? after - before : before - after };
    }
    default:
      return { label: "", value: run[sort] };
  }
}
