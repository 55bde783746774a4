import { Hono } from "hono";
import type { ComponentChildren, JSX } from "preact";
import { Island } from "../page/island.tsx";
import {
  ChangeValue,
  Empty,
  RunName,
  ScrolledTable,
  StateBadge,
  StepProgress,
} from "../components/parts.tsx";
import { runColumns } from "../components/run_columns.tsx";
import { formatCount, heading } from "../shared/format.ts";
import type { RunOverview } from "../shared/overview.ts";
import { renderPage } from "../page/render.tsx";
import { kindNamed } from "../store/kinds.ts";
import { settingsOf } from "../store/settings.ts";
import type { Site } from "../store/site.ts";

/** Maximum number of runs in a comparison: the number of colours that can be told apart. */
const MOST_RUNS = 8;
/** Maximum number of runs that are offered to compare one with. */
const MOST_OFFERED = 25;

/** `/compare?run=a&run=b`: several runs side by side. */
export function compareRoutes(site: Site): Hono {
  return new Hono().get("/compare", async (context) => {
    const ids = [...new Set(context.req.queries("run") ?? [])];
    const found = await Promise.all(ids.slice(0, MOST_RUNS).map((id) => site.overviews.of(id)));
    const runs = found.filter((run) => run !== null);
    if (runs.length < 2) {
      const others = (await site.overviews.all()).filter(({ id }) => id !== runs[0]?.id)
        .sort((a, b) => b.started - a.started).slice(0, MOST_OFFERED);
      const page = <TooFew run={runs[0]} others={others} />;
      return context.html(renderPage("Compare", page), 400);
    }
    const settings = runs.map(({ id, kind }) =>
      settingsOf(site.folder.readJson(id, "config.json") ?? {}, kindNamed(kind))
    );
    const charts = runs.map(({ kind }) => [kind, kindNamed(kind)?.charts ?? []]);
    return context.html(renderPage(
      "Compare",
      <>
        <div class="page-head">
          <h1>Compare {formatCount(runs.length, "run")}</h1>
          {ids.length > MOST_RUNS && (
            <p class="worse">The first {MOST_RUNS} of {ids.length} are shown.</p>
          )}
        </div>
        <Headlines runs={runs} />
        <Changes runs={runs} />
        <Differences
          runs={runs}
          columns={settings.map((one) => new Map(one.map(({ name, value }) => [name, value])))}
        />
        <Island
          name="CompareCharts"
          props={{
            runs: runs.map(({ id, name, kind, state }) => ({
              id,
              name: runs.filter((run) => run.name === name).length > 1 ? id : name,
              kind,
              running: state === "running",
            })),
            charts: Object.fromEntries(charts),
          }}
        />
      </>,
    ));
  });
}

/** Runs to choose from, where fewer than two were chosen. */
function TooFew(
  { run, others }: { run: RunOverview | undefined; others: RunOverview[] },
): JSX.Element {
  if (!run || others.length === 0) {
    return (
      <Empty title="Nothing to compare">
        <p>
          Select two or more in the <a href="/">table of runs</a>.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={`Compare ${run.name} with`}>
      <ul class="choices">
        {others.map(({ id, name }) => (
          <li>
            <a href={`/compare?${new URLSearchParams([["run", run.id], ["run", id]])}`}>{name}</a>
          </li>
        ))}
      </ul>
    </Empty>
  );
}

function Headlines({ runs }: { runs: RunOverview[] }): JSX.Element {
  const columns = runColumns(runs);
  return (
    <ScrolledTable label="Headlines" class="wide stacks">
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">State</th>
          <th scope="col">Steps</th>
          {columns.map(({ title, class: cells }) => <th scope="col" class={cells}>{title}</th>)}
        </tr>
      </thead>
      <tbody>
        {runs.map((run, i) => (
          <tr>
            <th scope="row">
              <span class={`key key-${i}`} aria-hidden="true" />
              <RunName run={run} />
            </th>
            <td data-label="State">
              <StateBadge state={run.state} />
            </td>
            <td data-label="Steps">
              <StepProgress run={run} />
            </td>
            {columns.map(({ title, class: cells, Cell }) => (
              <td class={cells} data-label={title}>
                <Cell run={run} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </ScrolledTable>
  );
}

/** Numbers before and after training, where runs have more of them than the first. */
function Changes({ runs }: { runs: RunOverview[] }): JSX.Element | null {
  const labels = [...new Set(runs.flatMap(({ changes }) => changes.map(({ label }) => label)))];
  if (labels.length < 2) return null;
  return (
    <RunTable id="changes" title="Before and after training" heading="Number" runs={runs}>
      {labels.map((label) => (
        <tr>
          <th scope="row">{heading(label)}</th>
          {runs.map(({ name, changes }) => (
            <td data-label={name}>
              <ChangeValue change={changes.find((change) => change.label === label)} />
            </td>
          ))}
        </tr>
      ))}
    </RunTable>
  );
}

/** Settings that differ between the runs. */
function Differences(
  { runs, columns }: {
    runs: RunOverview[];
    /** Values of each run's settings, by name. */
    columns: ReadonlyMap<string, string>[];
  },
): JSX.Element {
  // A setting that runs of another kind do not have makes no difference by itself.
  const valuesOf = (name: string) => {
    const kinds = runs.filter((_, i) => columns[i].has(name)).map(({ kind }) => kind);
    return columns.filter((_, i) => kinds.includes(runs[i].kind)).map((column) => column.get(name));
  };
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))]
    .filter((name) => name !== "name" && new Set(valuesOf(name)).size > 1);
  if (names.length === 0) return <p class="muted block">All common settings are the same.</p>;
  return (
    <RunTable id="differences" title="Settings that differ" heading="Setting" runs={runs}>
      {names.map((name) => (
        <tr>
          <th scope="row">
            <code>{name}</code>
          </th>
          {columns.map((column, i) => <td data-label={runs[i].name}>{column.get(name) ?? "–"}</td>)}
        </tr>
      ))}
    </RunTable>
  );
}

/** A table with a column for each run. */
function RunTable(
  { id, title, heading, runs, children }: {
    id: string;
    title: string;
    /** Heading of the first column. */
    heading: string;
    runs: RunOverview[];
    /** Rows. */
    children: ComponentChildren;
  },
): JSX.Element {
  return (
    <section class="block" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <ScrolledTable label={title} class="stacks">
        <thead>
          <tr>
            <th scope="col">{heading}</th>
            {runs.map((run, i) => (
              <th scope="col">
                <span class={`key key-${i}`} aria-hidden="true" />
                {run.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </ScrolledTable>
    </section>
  );
}
