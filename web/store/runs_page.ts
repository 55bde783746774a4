import type { RunOverview, RunRow, RunsPage, RunsQuery } from "../shared/overview.ts";
import { parseObject, sampleLines } from "./json_lines.ts";
import type { Overviews } from "./overviews.ts";
import type { RunsFolder } from "./runs_folder.ts";

/** Rows of a page of the table of runs. */
export const RUNS_PER_PAGE = 25;
/** Points of a small curve. */
const CURVE_POINTS = 40;

/** The page of the table of runs that a query asks for. */
export async function runsPage(
  folder: RunsFolder,
  overviews: Overviews,
  query: RunsQuery,
): Promise<RunsPage> {
  const all = await overviews.all();
  const search = query.search.toLowerCase();
  const found = all.filter((run) =>
    (query.state === "" || run.state === query.state) &&
    [run.name, run.id, run.model].some((text) => text.toLowerCase().includes(search))
  );
  found.sort(comparator(query));
  const pages = Math.max(1, Math.ceil(found.length / RUNS_PER_PAGE));
  const page = Math.min(Math.max(1, query.page), pages);
  const shown = found.slice((page - 1) * RUNS_PER_PAGE, page * RUNS_PER_PAGE);
  const rows = await Promise.all(shown.map((run) => withCurves(folder, run)));
  return { rows, all: all.length, total: found.length, page, pages };
}

async function withCurves(folder: RunsFolder, run: RunOverview): Promise<RunRow> {
  const path = folder.resolve(run.id, "metrics.jsonl");
  const lines = path === null ? [] : await sampleLines(path, CURVE_POINTS);
  const rows = lines.map((line) => parseObject(line) ?? {});
  const curve = (metric: string) =>
    rows.map((row) => row[metric]).filter((value) => typeof value === "number")
      .map((value) => Number(value.toPrecision(4)));
  return { ...run, rewardCurve: curve("ppo/mean_scores"), klCurve: curve("objective/kl") };
}

/** Sorts by the query's column; runs without a value come last either way, equal ones by age. */
function comparator(
  { sort, descending }: RunsQuery,
): (a: RunOverview, b: RunOverview) => number {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [sortValue(a, sort), sortValue(b, sort)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const order = typeof x === "string" && typeof y === "string"
      ? x.localeCompare(y, "en", { numeric: true })
      : Number(x) - Number(y);
    return order === 0 ? b.started - a.started : sign * order;
  };
}

function sortValue(run: RunOverview, sort: RunsQuery["sort"]): string | number | null {
  switch (sort) {
    case "progress":
      return run.steps === 0 ? 0 : run.step / run.steps;
    case "toxicity":
      return run.toxicity && run.toxicity.after - run.toxicity.before;
    default:
      return run[sort];
  }
}
