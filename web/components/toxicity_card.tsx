import type { JSX } from "preact";
import { formatFixed, formatPercentChange } from "../shared/format.ts";

/** A mean with its 95 % confidence interval, as `summary.json` has it. */
export interface Measured {
  /** The mean. */
  mean: number;
  /** Its confidence interval. */
  interval: [low: number, high: number];
  /** Prompts that it was measured on. */
  count: number;
}

/** Toxicity before and after training with the intervals, as numbers and as marks on a scale. */
export function ToxicityCard(
  { measured: { before, after } }: { measured: { before?: Measured; after?: Measured } },
): JSX.Element {
  const rows = [["Before", before], ["After", after]] as const;
  const most = Math.max(0.01, ...rows.map(([, value]) => value?.interval[1] ?? 0));
  return (
    <section class="card">
      <h2>Toxicity</h2>
      {rows.map(([when, value]) => (
        <div class="interval">
          <span>{when}</span>
          {value
            ? <Interval value={value} most={most} />
            : <span class="muted">not measured yet</span>}
        </div>
      ))}
      {before && (
        <p class="muted">
          Mean over {before.count} prompts; bars are 95 % confidence intervals.
          {after && ` The change is ${formatPercentChange(before.mean, after.mean)}.`}
        </p>
      )}
    </section>
  );
}

function Interval({ value, most }: { value: Measured; most: number }): JSX.Element {
  const [low, high] = value.interval;
  const at = (toxicity: number) => 2 + 196 * toxicity / most;
  return (
    <>
      <span class="number">
        {formatFixed(value.mean, 4)}{" "}
        <span class="muted">({formatFixed(low, 4)} to {formatFixed(high, 4)})</span>
      </span>
      <svg viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
        <rect class="range" x={at(low)} y="4" width={Math.max(1, at(high) - at(low))} height="4" />
        <rect class="mean" x={at(value.mean) - 0.75} y="0" width="1.5" height="12" />
      </svg>
    </>
  );
}
