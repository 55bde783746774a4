import type { Signal } from "@preact/signals";
import type { JSX } from "preact";

/** View that all charts of a page share. */
export interface ChartView {
  /** Weight of the moving average in smoothed curves. */
  smoothing: Signal<number>;
  /** Quantity of the horizontal axis. */
  axis: Signal<"step" | "time">;
  /** Steps that are shown; null for all. */
  range: Signal<{ from: number; to: number } | null>;
}

/** Controls above the charts. */
export function ChartControls(
  { view: { smoothing, axis, range }, hint }: { view: ChartView; hint: string },
): JSX.Element {
  return (
    <div class="controls" role="group" aria-label="Charts">
      <label>
        Smoothing
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={smoothing.value}
          onInput={(event) => smoothing.value = Number(event.currentTarget.value)}
        />
        <output class="number">{smoothing.value.toFixed(2)}</output>
      </label>
      <label>
        Axis
        <select
          value={axis.value}
          onChange={(event) => axis.value = event.currentTarget.value as "step" | "time"}
        >
          <option value="step">step</option>
          <option value="time">training time</option>
        </select>
      </label>
      {range.value
        ? (
          <button type="button" onClick={() => range.value = null}>
            Show all steps (now {Math.round(range.value.from)} to {Math.round(range.value.to)})
          </button>
        )
        : <span class="muted hint">{hint}</span>}
    </div>
  );
}
