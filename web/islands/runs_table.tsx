import { useEffect } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { RunName, ScrolledTable, StateBadge, StepProgress } from "../components/parts.tsx";
import { type RunColumn, runColumns } from "../components/run_columns.tsx";
import { formatMoment, lastName } from "../shared/format.ts";
import type { RunRow, RunSort, RunsPage } from "../shared/overview.ts";

/** Milliseconds between refreshes while a run of the table is running. */
const REFRESH_MS = 3000;
/** The same as a multiple while none is: another may be started meanwhile. */
const IDLE_REFRESHES = 5;

/** A page of the table of runs, kept up to date, more often while one of them is running. */
export function RunsTable(
  { page, refresh, sorts, sorted }: {
    page: RunsPage;
    /** Address of the same page as JSON. */
    refresh: string;
    /** Addresses that sort by the columns. */
    sorts: Record<RunSort, string>;
    /** Column that the table is sorted by. */
    sorted: { by: RunSort; descending: boolean };
  },
): JSX.Element {
  const rows = useSignal(page.rows);
  const selected = useSignal<string[]>([]);
  useEffect(() => {
    let ticks = 0;
    const timer = setInterval(async () => {
      const isDue = ++ticks % IDLE_REFRESHES === 0;
      const isRunning = rows.value.some((row) => row.state === "running");
      if (document.hidden || !(isDue || isRunning)) return;
      const response = await fetch(refresh).catch(() => null);
      if (response?.ok) rows.value = (await response.json() as RunsPage).rows;
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const select = (id: string, on: boolean) => {
    selected.value = on ? [...selected.value, id] : selected.value.filter((other) => other !== id);
  };
  const columns = runColumns(rows.value);
  const heading = (sort: RunSort, title: string, cells: string) => (
    <th
      class={cells}
      aria-sort={sorted.by !== sort ? undefined : sorted.descending ? "descending" : "ascending"}
    >
      <a href={sorts[sort]}>{title}</a>
    </th>
  );
  return (
    <form action="/compare" class="runs">
      <ScrolledTable label="Runs" class="wide stacks">
        <thead>
          <tr>
            <th class="tick">
              <span class="visually-hidden">Compare</span>
            </th>
            {heading("name", "Run", "text")}
            {heading("state", "State", "text")}
            {heading("progress", "Steps", "text")}
            {columns.map((column) => heading(column.sort, column.title, column.class))}
            {heading("model", "Model", "text")}
            {heading("started", "Started", "text")}
          </tr>
        </thead>
        <tbody>
          {rows.value.map((run) => (
            <Row
              key={run.id}
              run={run}
              columns={columns}
              selected={selected.value.includes(run.id)}
              select={(on) => select(run.id, on)}
            />
          ))}
        </tbody>
      </ScrolledTable>
      <p class="actions">
        <button type="submit">
          Compare {selected.value.length > 0 ? `${selected.value.length} selected` : "selected"}
        </button>
        <span class="muted">Select two or more runs to compare their curves and settings.</span>
      </p>
    </form>
  );
}

function Row(
  { run, columns, selected, select }: {
    run: RunRow;
    columns: readonly RunColumn[];
    selected: boolean;
    select: (on: boolean) => void;
  },
): JSX.Element {
  return (
    <tr>
      <td class="tick">
        <input
          type="checkbox"
          name="run"
          value={run.id}
          checked={selected}
          aria-label={`Compare ${run.name}`}
          onChange={(event) => select(event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <RunName run={run} />
      </th>
      <td data-label="State">
        <StateBadge state={run.state} />
        {run.failure !== null && <span class="reason" title={run.failure}>{run.failure}</span>}
      </td>
      <td data-label="Steps">
        <StepProgress run={run} />
      </td>
      {columns.map(({ title, class: cells, Cell }) => (
        <td class={cells} data-label={title}>
          <Cell run={run} />
        </td>
      ))}
      <td class="model" title={run.model} data-label="Model">
        {lastName(run.model)} <span class="muted folder">{run.device}</span>
      </td>
      <td class="moment" data-label="Started">{formatMoment(run.started)}</td>
    </tr>
  );
}
