import { Hono } from "hono";
import type { JSX } from "preact";
import { Island } from "../page/island.tsx";
import { Empty, StateBadge, StepProgress, ToxicityChange } from "../components/parts.tsx";
import { formatCount, formatNumber } from "../shared/format.ts";
import type { RunOverview } from "../shared/overview.ts";
import { runPath } from "../shared/paths.ts";
import { renderPage } from "../page/render.tsx";
import { settingsOf } from "../store/settings.ts";
import type { Site } from "../store/site.ts";

/** Runs that are compared at most: as many as there are colours that can be told apart. */
const MOST_RUNS = 8;

/** `/compare?run=a&run=b`: several runs over each other. */
export function compareRoutes(site: Site): Hono {
  return new Hono().get("/compare", async (context) => {
    const ids = [...new Set(context.req.queries("run") ?? [])];
    const found = await Promise.all(ids.slice(0, MOST_RUNS).map((id) => site.overviews.of(id)));
    const runs = found.filter((run) => run !== null);
    if (runs.length < 2) return context.html(renderPage("Compare", <TooFew />), 400);
    const configs = runs.map(({ id }) => site.folder.readJson(id, "config.json") ?? {});
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
        <Differences runs={runs} configs={configs} />
        <Island
          name="CompareCharts"
          props={{
            runs: runs.map(({ id, name, kind, state }) => ({
              id,
              name: runs.filter((run) => run.name === name).length > 1 ? id : name,
              kind,
              running: state === "running",
            })),
          }}
        />
      </>,
    ));
  });
}

function TooFew(): JSX.Element {
  return (
    <Empty title="Nothing to compare">
      <p>
        Tick two or more in the <a href="/">table of runs</a>.
      </p>
    </Empty>
  );
}

function Headlines({ runs }: { runs: RunOverview[] }): JSX.Element {
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label="Headlines">
      <table class="wide stacks">
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Steps</th>
            <th scope="col" class="number">Reward</th>
            <th scope="col" class="number">KL (nats)</th>
            <th scope="col">Toxicity</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run, i) => (
            <tr>
              <th scope="row">
                <span class={`key key-${i}`} aria-hidden="true" />
                <a href={runPath(run.id)}>{run.name}</a>
                {run.name !== run.id && <span class="muted folder">{run.id}</span>}
              </th>
              <td data-label="State">
                <StateBadge state={run.state} />
              </td>
              <td data-label="Steps">
                <StepProgress run={run} />
              </td>
              <td class="number" data-label="Reward">{formatNumber(run.reward)}</td>
              <td class="number" data-label="KL (nats)">{formatNumber(run.kl)}</td>
              <td data-label="Toxicity">
                <ToxicityChange run={run} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The settings that are not the same in all runs. */
function Differences(
  { runs, configs }: { runs: RunOverview[]; configs: Record<string, unknown>[] },
): JSX.Element {
  const columns = configs.map((config) =>
    new Map(settingsOf(config).map(({ name, value }) => [name, value]))
  );
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))]
    .filter((name) =>
      name !== "name" && new Set(columns.map((column) => column.get(name))).size > 1
    );
  if (names.length === 0) return <p class="muted block">All their settings are the same.</p>;
  return (
    <section class="block" aria-labelledby="differences">
      <h2 id="differences">Settings that differ</h2>
      <div class="table-scroll" tabindex={0} role="region" aria-label="Settings that differ">
        <table class="stacks">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              {runs.map((run, i) => (
                <th scope="col">
                  <span class={`key key-${i}`} aria-hidden="true" />
                  {run.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr>
                <th scope="row">
                  <code>{name}</code>
                </th>
                {columns.map((column, i) => (
                  <td data-label={runs[i].name}>{column.get(name) ?? "–"}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
