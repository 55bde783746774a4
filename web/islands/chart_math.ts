/**
 * Exponential moving average without a bias to its start, as TensorBoard's:
 * `mᵢ = Σ wⁱ⁻ʲ xⱼ / Σ wⁱ⁻ʲ` over all values so far; missing ones count for nothing.
 *
 * @param weight share of the old mean, from 0 to below 1
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
 * Tops of columns that stand on each other, the first one's at the very top, so that drawing them
 * in order lets every part be seen; a missing value has no height.
 */
export function stack(columns: readonly (readonly (number | null)[])[]): number[][] {
  const tops: number[][] = [];
  for (let i = columns.length - 1; i >= 0; i--) {
    const below = tops[0];
    tops.unshift(columns[i].map((value, row) => (value ?? 0) + (below?.[row] ?? 0)));
  }
  return tops;
}

/** Time on an axis: `40s`, `5m`, `1h 20m`. */
export function axisTime(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))}s`;
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round(seconds % 60);
  if (minutes < 60) return rest > 0 ? `${minutes}m ${rest}s` : `${minutes}m`;
  return minutes % 60 > 0 ? `${Math.floor(minutes / 60)}h ${minutes % 60}m` : `${minutes / 60}h`;
}

/** A colour of the style sheet. */
export function themeColor(variable: string): string {
  // A colour that depends on the system's setting is resolved where it is used, not in a variable.
  const probe = document.createElement("span");
  probe.className = "visually-hidden";
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Colours that lines take in turn. */
export const SERIES_COLORS = 8;

/** Colour of a chart's line. */
export function seriesColor(index: number): string {
  return themeColor(`--series-${index % SERIES_COLORS}`);
}
