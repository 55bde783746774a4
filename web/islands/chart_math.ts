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
