/**
 * Exponential moving average without a bias towards its start, as in TensorBoard:
 * `mᵢ = Σ wⁱ⁻ʲ xⱼ / Σ wⁱ⁻ʲ` over all values so far, without missing ones.
 *
 * @param weight weight `w` of the average before, from 0 to below 1
 */
export function smooth(
  values: readonly (number | null)[],
  weight: number,
): readonly (number | null)[] {
  if (weight === 0) return values;
  let sum = 0;
  let weights = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = sum * weight + value;
    weights = weights * weight + 1;
    return sum / weights;
  });
}

/**
 * Adds columns up to the tops of a stack, with the first column at the top, so that areas drawn in
 * order leave every part visible. A missing value has no height.
 */
export function stack(columns: readonly (readonly (number | null)[])[]): number[][] {
  const tops: number[][] = [];
  for (let i = columns.length - 1; i >= 0; i--) {
    const below = tops[0];
    tops.unshift(columns[i].map((value, row) => (value ?? 0) + (below?.[row] ?? 0)));
  }
  return tops;
}

/** Part of a size below which a difference is noise, as of a constant that was rounded. */
const NOISE = 1e-3;

/**
 * Range of an axis for values from `min` to `max`, with a margin. Of values that are as good as
 * constant it has their size above and below, so that noise is not magnified.
 */
export function axisRange(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const size = Math.max(Math.abs(min), Math.abs(max));
  const middle = (min + max) / 2;
  // Around zero there is no size to compare with but that of single precision.
  if (size < 1e-7 && min < 0 && max > 0) return [-1e-3, 1e-3];
  // Most quantities that stay at zero are shares and counts.
  if (size === 0) return [0, 1];
  if (max - min <= NOISE * size) return [middle - size / 2, middle + size / 2];
  const margin = (max - min) * 0.08;
  // Quantities that are never negative have no room below zero.
  return [min >= 0 ? Math.max(0, min - margin) : min - margin, max + margin];
}

/** Formats a time on an axis: `40s`, `5m`, `1h 20m`. */
export function axisTime(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))}s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round(seconds % 60);
  if (minutes < 60) return rest > 0 ? `${minutes}m ${rest}s` : `${minutes}m`;
  return minutes % 60 > 0 ? `${Math.floor(minutes / 60)}h ${minutes % 60}m` : `${minutes / 60}h`;
}

/** Colour of a variable in the style sheet. */
export function themeColor(variable: string): string {
  // `light-dark()` is resolved where a colour is used, not in a variable.
  const probe = document.createElement("span");
  probe.className = "visually-hidden";
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Number of colours that lines take in turn. */
export const SERIES_COLORS = 8;

/** Colour of a chart's line. */
export function seriesColor(index: number): string {
  return themeColor(`--series-${index % SERIES_COLORS}`);
}
