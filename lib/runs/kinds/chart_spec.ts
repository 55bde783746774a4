/** A line of a chart. */
export interface SeriesSpec {
  /** Statistic of `metrics.jsonl`, or one that the site derives. */
  metric: string;
  /** Name in the legend. */
  label: string;
  /** Scale on the right, for a quantity of another size. */
  right?: boolean;
}

/** A chart of a run's page. */
export interface ChartSpec {
  /** Name in addresses. */
  id: string;
  /** Heading. */
  title: string;
  /** One sentence of explanation. */
  help: string;
  /** Unit of the values; empty for a pure number. */
  unit: string;
  /** Unit of the values on the right, where there are some. */
  rightUnit?: string;
  /** Lines. */
  series: readonly SeriesSpec[];
  /** Lines that are parts of a whole, shown on top of each other. */
  stacked?: boolean;
  /**
   * Lines that bound bands, the outermost pair first: with five lines, the first and the last, the
   * second and the fourth. The middle one is drawn alone.
   */
  bands?: boolean;
  /** Beginning and end of the statistics that each add a line, named by what is between them. */
  each?: { readonly prefix: string; readonly suffix: string };
  /** Statistics that only some runs have: without them there is no chart, not even an empty one. */
  optional?: boolean;
}

/** Quantiles of a statistic with a number for each rollout. */
const QUANTILES = [
  ["minimum", 0],
  ["25 %", 0.25],
  ["median", 0.5],
  ["75 %", 0.75],
  ["maximum", 1],
] as const;

/** Lines of the quantiles of a statistic that is an array in `metrics.jsonl`. */
export function quantileSeries(metric: string): SeriesSpec[] {
  return QUANTILES.map(([label]) => ({ metric: `${metric} ${label}`, label }));
}

/** Values of the lines of {@linkcode quantileSeries}, by their names. */
export function quantilesOf(metric: string, values: readonly number[]): Record<string, number> {
  const sorted = values.toSorted((a, b) => a - b);
  return Object.fromEntries(QUANTILES.map(([label, q]) => {
    // Between the two nearest values, as NumPy's `quantile` does it.
    const place = q * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
    return [`${metric} ${label}`, low + (high - low) * (place % 1)];
  }));
}
