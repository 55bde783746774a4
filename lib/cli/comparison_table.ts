import type { ComparisonRow } from "../evaluation/compare.ts";
import { comparisonCells } from "../evaluation/comparison_formats.ts";
import { renderTable } from "./table.ts";

/**
 * Renders a comparison as a table for the terminal.
 *
 * @param width columns of the terminal
 * @param maxLines maximum number of lines of a text
 */
export function comparisonTable(
  rows: readonly ComparisonRow[],
  width: number,
  maxLines: number,
): string {
  const columns = [
    { header: "query", flexible: true },
    { header: "response before", flexible: true },
    { header: "response after", flexible: true },
    { header: "before", align: "right" as const },
    { header: "after", align: "right" as const },
    { header: "diff", align: "right" as const },
  ];
  return renderTable(columns, rows.map((row) => comparisonCells(row, 2)), { width, maxLines });
}
