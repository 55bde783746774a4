import { type Context, Hono } from "hono";
import type { JSX } from "preact";
import { Island } from "../page/island.tsx";
import { Empty, Pager } from "../components/parts.tsx";
import { RunPage } from "../page/run_page.tsx";
import { SampleSetCard } from "../components/sample_set.tsx";
import { formatCount } from "../shared/format.ts";
import { runPath, withQuery } from "../shared/paths.ts";
import { renderPage, runNotFound } from "../page/render.tsx";
import {
  SAMPLE_SORTS,
  type SampleSet,
  type SamplesPage,
  type SamplesQuery,
} from "../shared/samples.ts";
import type { Site } from "../store/site.ts";

/** Maximum number of responses that the slider of a prompt goes through. */
const LONGEST_HISTORY = 500;

/** `/runs/:id/samples`: responses of the policy at each step. */
export function samplesRoutes(site: Site): Hono {
  return new Hono().get("/runs/:id/samples", async (context) => {
    const id = context.req.param("id");
    const run = await site.overviews.of(id);
    if (!run) return runNotFound(context, id);
    const index = await site.samples(id);
    const query = queryOf(context);
    const page = await index?.find(query) ?? null;
    const history = query.prompt === "" || !index
      ? []
      : await index.history(query.prompt, LONGEST_HISTORY);
    const counts = index?.countsOf(page?.sets.map(([{ prompt }]) => prompt) ?? []) ?? {};
    const path = runPath(id, "/samples");
    return context.html(renderPage(
      `Samples · ${run.name}`,
      <RunPage run={run} tabs={site.tabs(run)} tab="/samples">
        {!page || page.steps.last === 0
          ? (
            <Empty title="No samples">
              <p>Kinds of runs that generate responses in training show those of each step here.</p>
            </Empty>
          )
          : history.length > 0
          ? <OnePrompt history={history} path={path} />
          : <Samples page={page} query={query} path={path} counts={counts} />}
      </RunPage>,
    ));
  });
}

function queryOf(context: Context): SamplesQuery {
  const { search = "", step = "", prompt = "", sort = "", order = "", page = "" } = context.req
    .query();
  return {
    search: search.trim(),
    step: /^\d+$/.test(step) ? Number(step) : null,
    prompt,
    sort: SAMPLE_SORTS.find((name) => name === sort) ?? "step",
    descending: order !== "up",
    page: Math.max(1, Math.trunc(Number(page)) || 1),
  };
}

function OnePrompt({ history, path }: { history: SampleSet[]; path: string }): JSX.Element {
  const count = history.reduce((sum, { length }) => sum + length, 0);
  return (
    <>
      <div class="page-head">
        <h2>One prompt over the steps</h2>
        <p class="muted">
          {formatCount(count, "response")}. <a href={path}>All samples</a>
        </p>
      </div>
      <Island name="PromptHistory" props={{ sets: history }} />
    </>
  );
}

function Samples(
  { page, query, path, counts }: {
    page: SamplesPage;
    query: SamplesQuery;
    path: string;
    /** Number of sets of each prompt. */
    counts: Record<string, number>;
  },
): JSX.Element {
  const address = (change: Partial<SamplesQuery>) => {
    const { search, step, sort, descending, page: number } = { ...query, page: 1, ...change };
    return withQuery(path, {
      search,
      step: step ?? "",
      sort,
      order: descending ? "down" : "up",
      page: number === 1 ? "" : number,
    });
  };
  const { first, last } = page.steps;
  return (
    <>
      <form class="filter" role="search" aria-label="Samples">
        <label>
          Text
          <input type="search" name="search" value={query.search} />
        </label>
        <label>
          Step
          <input
            type="number"
            name="step"
            min={first}
            max={last}
            value={query.step ?? ""}
            placeholder={`${first}–${last}`}
          />
        </label>
        <label>
          Sort by
          <select name="sort">
            {SAMPLE_SORTS.map((sort) => (
              <option value={sort} selected={sort === query.sort}>{sort}</option>
            ))}
          </select>
        </label>
        <label>
          Order
          <select name="order">
            <option value="down" selected={query.descending}>largest first</option>
            <option value="up" selected={!query.descending}>smallest first</option>
          </select>
        </label>
        <button type="submit">Show</button>
        {query.step !== null && (
          <span class="steps">
            {query.step > first && <a href={address({ step: query.step - 1 })}>← previous step</a>}
            {query.step < last && <a href={address({ step: query.step + 1 })}>next step →</a>}
          </span>
        )}
      </form>
      <p class="muted count">
        {formatCount(page.total, "sample")}
        {page.totalSets < page.total && ` in ${formatCount(page.totalSets, setNoun(page))}`}
        {page.sets.flat().some(({ tokens }) => tokens) && (
          <>
            . Shaded tokens are <span class="shade-up-4">more</span> or{" "}
            <span class="shade-down-4">less</span> likely under the policy than under the reference.
          </>
        )}
      </p>
      {page.total === 0
        ? (
          <Empty title="No matching samples">
            <p>
              <a href={path}>Show all samples</a>
            </p>
          </Empty>
        )
        : (
          <div class="cards">
            {page.sets.map((set) => {
              const [{ prompt }] = set;
              return (
                <SampleSetCard set={set}>
                  {counts[prompt] > 1 && (
                    <p>
                      <a href={withQuery(path, { prompt })}>This prompt over the steps</a>{" "}
                      <span class="muted">({formatCount(counts[prompt], "time")})</span>
                    </p>
                  )}
                </SampleSetCard>
              );
            })}
          </div>
        )}
      <Pager page={page.page} pages={page.pages} href={(number) => address({ page: number })} />
    </>
  );
}

/** Noun for the sets of a page. */
function setNoun({ sets }: SamplesPage): "pair" | "group" {
  return sets.some((set) => set.some(({ side }) => side !== null)) ? "pair" : "group";
}
