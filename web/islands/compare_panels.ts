import type { ChartSpec } from "../../lib/runs/kinds/chart_spec.ts";

/** A chart with one line for each run. */
export interface ComparePanel {
  /** Heading. */
  title: string;
  /** One sentence of explanation. */
  help: string;
  /** Unit of the values. */
  unit: string;
  /** Line that a kind of run has for it, by kind: the chart that has the line, and its place there. */
  lines: Record<string, { chart: string; index: number }>;
}

/**
 * Makes a panel of each line of the kinds' charts, apart from parts of a whole. Kinds with a line of
 * the same title and unit, such as the learning rate, share its panel.
 *
 * @param charts charts by kind
 */
export function comparePanels(charts: Record<string, readonly ChartSpec[]>): ComparePanel[] {
  const panels = new Map<string, ComparePanel>();
  for (const [kind, specs] of Object.entries(charts)) {
    for (const chart of specs.filter(({ stacked, bands }) => !stacked && !bands)) {
      chart.series.forEach(({ label, right }, index) => {
        const title = chart.series.length > 1 ? `${chart.title}: ${label}` : chart.title;
        const unit = (right ? chart.rightUnit : chart.unit) ?? "";
        const key = JSON.stringify([title, unit]);
        const panel = panels.get(key) ?? { title, help: chart.help, unit, lines: {} };
        panels.set(key, panel);
        panel.lines[kind] ??= { chart: chart.id, index };
      });
    }
  }
  return [...panels.values()];
}
