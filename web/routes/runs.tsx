import { type Context, Hono } from "hono";
import type { JSX } from "preact";
import { Island } from "../page/island.tsx";
import { Empty, Pager } from "../components/parts.tsx";
import { formatCount } from "../shared/format.ts";
import {
  RUN_SORTS,
  type RunSort,
  type RunsPage,
  type RunsQuery,
  type RunState,
} from "../shared/overview.ts";
import { withQuery } from "../shared/paths.ts";
import { renderPage } from "../page/render.tsx";
import type { Site } from "../store/site.ts";
import { runsPage } from "../store/runs_page.ts";

const STATES: readonly RunState[] = ["running", "finished", "stopped", "failed"];
/** Columns that are sorted in ascending order first. */
const ASCENDING_FIRST: readonly RunSort[] = ["name", "state", "model"];

/** `/`: every run in the folder; `/api/runs`: the same as JSON. */
export function runsRoutes(site: Site): Hono {
  return new Hono()
    .get("/", async (context) => {
      const query = queryOf(context);
      const page = await runsPage(site.folder, site.overviews, query);
      return context.html(
        renderPage("Runs", <Runs page={page} query={query} folder={site.folder.path} />),
      );
    })
    .get(
      "/api/runs",
      async (context) =>
        context.json(await runsPage(site.folder, site.overviews, queryOf(context))),
    );
}

function queryOf(context: Context): RunsQuery {
  const { search = "", state = "", kind = "", sort = "", order = "", page = "" } = context.req
    .query();
  const by = RUN_SORTS.find((name) => name === sort) ?? "started";
  return {
    search: search.trim(),
    state: STATES.find((name) => name === state) ?? "",
    kind,
    sort: by,
    descending: order === "" ? !ASCENDING_FIRST.includes(by) : order === "down",
    page: Math.max(1, Math.trunc(Number(page)) || 1),
  };
}

function addressOf(path: string, { descending, page, ...query }: RunsQuery): string {
  const order = descending ? "down" : "up";
  return withQuery(path, { ...query, order, page: page === 1 ? "" : page });
}

function Runs(
  { page, query, folder }: { page: RunsPage; query: RunsQuery; folder: string },
): JSX.Element {
  const sorts = Object.fromEntries(RUN_SORTS.map((sort) => {
    const descending = sort === query.sort ? !query.descending : !ASCENDING_FIRST.includes(sort);
    return [sort, addressOf("/", { ...query, sort, descending, page: 1 })];
  })) as Record<RunSort, string>;
  return (
    <>
      <div class="page-head">
        <h1>Runs</h1>
        <p class="muted">
          {formatCount(page.all, "run")} in <code>{folder}</code>
        </p>
      </div>
      {page.all === 0 ? <NoRuns folder={folder} /> : (
        <>
          <Filter query={query} kinds={page.kinds} />
          {page.total === 0
            ? (
              <Empty title="No matching runs">
                <p>
                  <a href="/">Show all runs</a>
                </p>
              </Empty>
            )
            : (
              <Island
                name="RunsTable"
                props={{
                  page,
                  refresh: addressOf("/api/runs", query),
                  sorts,
                  sorted: { by: query.sort, descending: query.descending },
                }}
              />
            )}
          <Pager
            page={page.page}
            pages={page.pages}
            href={(number) => addressOf("/", { ...query, page: number })}
          />
        </>
      )}
    </>
  );
}

function Filter(
  { query, kinds }: { query: RunsQuery; kinds: RunsPage["kinds"] },
): JSX.Element {
  return (
    <form class="filter" role="search" aria-label="Runs">
      <input type="hidden" name="sort" value={query.sort} />
      <input type="hidden" name="order" value={query.descending ? "down" : "up"} />
      <label>
        Name or model
        <input type="search" name="search" value={query.search} />
      </label>
      <label>
        State
        <select name="state">
          <option value="">all</option>
          {STATES.map((state) => (
            <option value={state} selected={state === query.state}>{state}</option>
          ))}
        </select>
      </label>
      {kinds.length > 1 && (
        <label>
          Kind
          <select name="kind">
            <option value="">all</option>
            {kinds.map(({ kind, title }) => (
              <option value={kind} selected={kind === query.kind}>{title}</option>
            ))}
          </select>
        </label>
      )}
      <button type="submit">Filter</button>
    </form>
  );
}

function NoRuns({ folder }: { folder: string }): JSX.Element {
  return (
    <Empty title="No runs yet">
      <p>
        Start one, then reload this page: <code>temper train --output {folder}/first</code>
      </p>
    </Empty>
  );
}
