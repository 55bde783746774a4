import type { JSX } from "preact";
import type { Change, Interval, Measured } from "../../lib/runs/kinds/run_kind.ts";
import { capitalized, formatAlike, formatCount, formatNumber, heading } from "../shared/format.ts";
import { ChangeValue } from "./parts.tsx";

/** Numbers before and after training; those with confidence intervals also as marks on a scale. */
export function ChangesCard(
  { changes, before }: {
    changes: readonly Change[];
    /** Numbers before training, shown alone until there are changes. */
    before: readonly Measured[];
  },
): JSX.Element {
  const hasIntervals = changes.some(({ intervals }) => intervals);
  const shown = changes.length > 0 ? changes : before;
  const counts = shown.flatMap(({ count }) => count ?? []);
  return (
    <section class="card">
      <h2>Before and after training</h2>
      {changes.length === 0 && before.length > 0 && (
        <dl class="pairs">
          {before.map(({ label, value }) => (
            <div>
              <dt>{heading(label)} before training</dt>
              <dd class="number">{formatNumber(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {changes.length === 0 && (
        <p class="muted">
          {before.length > 0 ? "After training: known" : "Known"} at the end of the run.
        </p>
      )}
      {changes.length > 0 && (
        <dl class="pairs">
          {changes.map((change) => (
            <div>
              <dt>{heading(change.label)}</dt>
              <dd>
                <ChangeValue change={change} />
              </dd>
              {change.intervals && <Intervals change={change} intervals={change.intervals} />}
            </div>
          ))}
        </dl>
      )}
      {(hasIntervals || counts.length > 0) && (
        <p class="muted">
          {counts.length > 0 && `Mean over ${formatCount(counts[0], "prompt")}. `}
          {hasIntervals && "Bars are 95 % confidence intervals."}
        </p>
      )}
    </section>
  );
}

function Intervals(
  { change, intervals }: { change: Change; intervals: NonNullable<Change["intervals"]> },
): JSX.Element {
  const bounds = [...intervals.before, ...intervals.after, change.before, change.after];
  // The scale begins at zero unless something is below it.
  const scale: Interval = [Math.min(0, ...bounds), Math.max(0, ...bounds)];
  const texts = formatAlike([...intervals.before, ...intervals.after]);
  return (
    <dd class="intervals">
      {(["before", "after"] as const).map((when, i) => (
        <>
          <span class="muted">{capitalized(when)}</span>
          <Bar mean={change[when]} interval={intervals[when]} scale={scale} />
          <span class="muted number">{texts[2 * i]} to {texts[2 * i + 1]}</span>
        </>
      ))}
    </dd>
  );
}

function Bar(
  { mean, interval: [low, high], scale: [from, to] }: {
    mean: number;
    interval: Interval;
    scale: Interval;
  },
): JSX.Element {
  const at = (value: number) => 2 + 196 * (value - from) / (to - from || 1);
  return (
    <svg viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="range" x={at(low)} y="4" width={Math.max(1, at(high) - at(low))} height="4" />
      <rect class="mean" x={at(mean) - 0.75} y="0" width="1.5" height="12" />
    </svg>
  );
}
