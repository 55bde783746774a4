import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { Sparkline, StateBadge, StepProgress, ToxicityChange } from "../components/parts.tsx";
import { formatMoment, formatNumber, lastName } from "../shared/format.ts";
import type { RunRow, RunsPage } from "../shared/overview.ts";
import { runPath } from "../shared/paths.ts";

/** Milliseconds between looks at the runs while one of them is running. */
const REFRESH_MS = 3000;
/** The same in such looks while none is: another may have been started meanwhile. */
const QUIET_LOOKS = 5;

/** Headings of the table, by the name that sorts by them. */
const COLUMNS = [
  ["name", "Run", "text"],
  ["state", "State", "text"],
  ["progress", "Steps", "text"],
  ["reward", "Reward", "number"],
  ["kl", "KL (nats)", "number"],
  ["toxicity", "Toxicity", "text"],
  ["model", "Model", "text"],
  ["started", "Started", "text"],
] as const;

/** A page of the table of runs, kept up to date, more often while one of them is running. */
export function RunsTable(
  { page, refresh, sorts, sorted }: {
    page: RunsPage;
    /** Where to read the same page again. */
    refresh: string;
    /** Addresses that sort by the columns. */
    sorts: Record<string, string>;
    /** The column that the table is sorted by. */
    sorted: { by: string; descending: boolean };
  },
): JSX.Element {
  const rows = useSignal(page.rows);
  const ticked = useSignal<string[]>([]);
  useEffect(() => {
    let looks = 0;
    const timer = setInterval(async () => {
      const isDue = ++looks % QUIET_LOOKS === 0;
      const isRunning = rows.value.some((row) => row.state === "running");
      if (document.hidden || !(isDue || isRunning)) return;
      const response = await fetch(refresh).catch(() => null);
      if (response?.ok) rows.value = (await response.json() as RunsPage).rows;
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const tick = (id: string, on: boolean) => {
    ticked.value = on ? [...ticked.value, id] : ticked.value.filter((other) => other !== id);
  };
  return (
    <form action="/compare" class="runs">
      <div class="table-scroll" tabindex={0} role="region" aria-label="Runs">
        <table class="wide stacks">
          <thead>
            <tr>
              <th class="tick">
                <span class="visually-hidden">Compare</span>
              </th>
              {COLUMNS.map(([id, title, kind]) => (
                <th
                  class={kind}
                  aria-sort={sorted.by !== id
                    ? undefined
                    : sorted.descending
                    ? "descending"
                    : "ascending"}
                >
                  <a href={sorts[id]}>{title}</a>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.value.map((run) => (
              <Row
                key={run.id}
                run={run}
                ticked={ticked.value.includes(run.id)}
                tick={(on) => tick(run.id, on)}
              />
            ))}
          </tbody>
        </table>
      </div>
      <p class="actions">
        <button type="submit">
          Compare{ticked.value.length > 0 ? ` ${ticked.value.length}` : ""} ticked
        </button>
        <span class="muted">Tick two or more runs to lay their curves over each other.</span>
      </p>
    </form>
  );
}

function Row(
  { run, ticked, tick }: { run: RunRow; ticked: boolean; tick: (on: boolean) => void },
): JSX.Element {
  return (
    <tr>
      <td class="tick">
        <input
          type="checkbox"
          name="run"
          value={run.id}
          checked={ticked}
          aria-label={`Compare ${run.name}`}
          onChange={(event) => tick(event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <a href={runPath(run.id)}>{run.name}</a>
        {run.name !== run.id && <span class="muted folder">{run.id}</span>}
      </th>
      <td data-label="State">
        <StateBadge state={run.state} />
        {run.failure !== null && <span class="reason" title={run.failure}>{run.failure}</span>}
      </td>
      <td data-label="Steps">
        <StepProgress run={run} />
      </td>
      <td class="number" data-label="Reward">
        <span class="curve">
          <Sparkline values={run.rewardCurve} label={`Reward of ${run.name} over its steps`} />
          {formatNumber(run.reward)}
        </span>
      </td>
      <td class="number" data-label="KL (nats)">
        <span class="curve">
          <Sparkline values={run.klCurve} label={`KL of ${run.name} over its steps`} />
          {formatNumber(run.kl)}
        </span>
      </td>
      <td class="change" data-label="Toxicity">
        <ToxicityChange run={run} />
      </td>
      <td class="model" title={run.model} data-label="Model">
        {lastName(run.model)} <span class="muted folder">{run.device}</span>
      </td>
      <td class="moment" data-label="Started">{formatMoment(run.started)}</td>
    </tr>
  );
}
