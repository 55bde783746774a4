import type { ComponentChildren, JSX } from "preact";
import type { Change } from "../../lib/runs/kinds/run_kind.ts";
import {
  capitalized,
  formatAlike,
  formatChange,
  formatPercentChange,
  formatSeconds,
} from "../shared/format.ts";
import type { RunOverview, RunState } from "../shared/overview.ts";
import { runPath } from "../shared/paths.ts";

/** State of a run as a coloured word. */
export function StateBadge({ state }: { state: RunState }): JSX.Element {
  return <span class={`badge badge-${state}`}>{state}</span>;
}

/** Kind of a run, also of one that this Temper does not know. */
export function KindName({ run }: { run: Pick<RunOverview, "kind" | "kindTitle"> }): JSX.Element {
  return run.kindTitle === null
    ? <>Unknown kind “{run.kind}”</>
    : <>{capitalized(run.kindTitle)}</>;
}

/** Name of a run as a link to its page, with its folder where that is another, and its kind. */
export function RunName(
  { run }: { run: Pick<RunOverview, "id" | "name" | "kind" | "kindTitle"> },
): JSX.Element {
  return (
    <>
      <a href={runPath(run.id)}>{run.name}</a>
      {run.name !== run.id && <span class="muted folder">{run.id}</span>}
      <span class="muted folder">
        <KindName run={run} />
      </span>
    </>
  );
}

/** Number of steps done and of all steps, with a bar and the time left. */
export function StepProgress(
  { run: { name, step, steps, secondsLeft } }: {
    run: Pick<RunOverview, "step" | "steps" | "secondsLeft" | "name">;
  },
): JSX.Element {
  return (
    <div class="steps">
      {steps !== null && (
        <progress max={Math.max(1, steps)} value={step} aria-label={`Steps of ${name}`} />
      )}
      <span class="number">
        {step.toLocaleString("en")}
        {steps !== null && ` / ${steps.toLocaleString("en")}`}
      </span>
      {secondsLeft !== null && secondsLeft > 0 && (
        <span class="muted">{formatSeconds(secondsLeft)} left</span>
      )}
    </div>
  );
}

/** A number before and after training, with the difference; a dash where there is none. */
export function ChangeValue({ change }: { change: Change | undefined }): JSX.Element {
  if (!change) return <span class="muted">–</span>;
  const [before, after] = formatAlike([change.before, change.after]);
  return (
    <span class="number">
      {before} → {after} <Difference change={change} />
    </span>
  );
}

/** The difference that training made, in percent where that makes sense. */
function Difference({ change: { before, after, better } }: { change: Change }): JSX.Element {
  const text = before > 0 ? formatPercentChange(before, after) : formatChange(after - before, 3);
  const gain = better === "higher" ? after - before : before - after;
  const [was, is] = formatAlike([before, after]);
  const isSame = was === is || text.startsWith("±");
  const verdict = isSame ? undefined : gain > 0 ? "better" : "worse";
  return <span class={verdict} title={verdict}>{text}</span>;
}

/** A small curve without axes: the shape of the values that led to the number beside it. */
export function Sparkline({ values, label }: { values: number[]; label: string }): JSX.Element {
  if (values.length < 2) return <svg class="spark" aria-hidden="true" />;
  const lowest = Math.min(...values);
  const span = Math.max(...values) - lowest || 1;
  const points = values.map((value, i) => {
    const x = 100 * i / (values.length - 1);
    const y = 22 - 20 * (value - lowest) / span;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      class="spark"
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <polyline points={points.join(" ")} />
    </svg>
  );
}

/** Message where there is nothing to show, with advice. */
export function Empty(
  { title, children }: { title: string; children?: ComponentChildren },
): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Links to the pages of a table; nothing for a single page. */
export function Pager(
  { page, pages, href }: { page: number; pages: number; href: (page: number) => string },
): JSX.Element | null {
  if (pages <= 1) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {page > 1 ? <a href={href(page - 1)} rel="prev">← Previous</a> : <span />}
      <span>Page {page} of {pages}</span>
      {page < pages ? <a href={href(page + 1)} rel="next">Next →</a> : <span />}
    </nav>
  );
}

/** A fact in a list of facts. */
export function Fact(
  { name, children }: { name: string; children: ComponentChildren },
): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A table that scrolls where it is wider than the page, also by keyboard. */
export function ScrolledTable(
  { label, class: look, children }: {
    /** Name for screen readers. */
    label: string;
    class: string;
    /** Head and body. */
    children: ComponentChildren;
  },
): JSX.Element {
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label={label}>
      <table class={look}>{children}</table>
    </div>
  );
}
