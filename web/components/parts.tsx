import type { ComponentChildren, JSX } from "preact";
import { formatFixed, formatPercentChange, formatSeconds } from "../shared/format.ts";
import type { RunOverview, RunState } from "../shared/overview.ts";

/** A run's state as a coloured word. */
export function StateBadge({ state }: { state: RunState }): JSX.Element {
  return <span class={`badge badge-${state}`}>{state}</span>;
}

/** Steps done of all, with a bar and the time left. */
export function StepProgress(
  { run }: { run: Pick<RunOverview, "step" | "steps" | "secondsLeft" | "name"> },
): JSX.Element {
  return (
    <div class="steps">
      <progress max={Math.max(1, run.steps)} value={run.step} aria-label={`Steps of ${run.name}`} />
      <span class="number">
        {run.step.toLocaleString("en")} / {run.steps.toLocaleString("en")}
      </span>
      {run.secondsLeft !== null && run.secondsLeft > 0 && (
        <span class="muted">{formatSeconds(run.secondsLeft)} left</span>
      )}
    </div>
  );
}

/** Toxicity before and after, with the change in percent. */
export function ToxicityChange({ run }: { run: Pick<RunOverview, "toxicity"> }): JSX.Element {
  if (!run.toxicity) return <span class="muted">–</span>;
  const { before, after } = run.toxicity;
  return (
    <span class="number">
      {formatFixed(before, 4)} → {formatFixed(after, 4)}{" "}
      <span class={after <= before ? "better" : "worse"}>{formatPercentChange(before, after)}</span>
    </span>
  );
}

/** A small curve without axes: the shape of what the number beside it did so far. */
export function Sparkline({ values, label }: { values: number[]; label: string }): JSX.Element {
  if (values.length < 2) return <svg class="spark" aria-hidden="true" />;
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  const points = values.map((value, i) => {
    const x = 100 * i / (values.length - 1);
    const y = 22 - 20 * (value - least) / span;
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

/** What stands where there is nothing to show: what is missing, and what to do. */
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

/** Links to the pages of a table; nothing where there is one page. */
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
