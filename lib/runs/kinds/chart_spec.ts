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
}
