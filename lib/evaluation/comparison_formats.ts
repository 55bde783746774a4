import type { ComparisonRow } from "./compare.ts";

/** Columns by the names of the original notebook's table. */
const COLUMNS: readonly (readonly [name: string, field: keyof ComparisonRow])[] = [
  ["query", "query"],
  ["response_before", "responseBefore"],
  ["response_after", "responseAfter"],
  ["reward_before", "rewardBefore"],
  ["reward_after", "rewardAfter"],
  ["reward_diff", "difference"],
];

/** Names of the comparison's columns. */
const COMPARISON_COLUMNS: readonly string[] = COLUMNS.map(([name]) => name);

/** A row's cells as text, in the order of {@linkcode COMPARISON_COLUMNS}. */
export function comparisonCells(row: ComparisonRow, digits?: number): string[] {
  return COLUMNS.map(([, field]) => {
    const value = row[field];
    if (typeof value === "string") return value;
    return digits === undefined ? String(value) : value.toFixed(digits);
  });
}

/** The comparison as CSV (RFC 4180), with a header. */
export function comparisonToCsv(rows: readonly ComparisonRow[]): string {
  const lines = [COMPARISON_COLUMNS, ...rows.map((row) => comparisonCells(row))];
  return lines.map((cells) => cells.map(csvCell).join(",") + "\r\n").join("");
}

/** The comparison as a JSON array of objects, by the names of the columns. */
export function comparisonToJson(rows: readonly ComparisonRow[]): string {
  const objects = rows.map((row) =>
    Object.fromEntries(COLUMNS.map(([name, field]) => [name, row[field]]))
  );
  return JSON.stringify(objects, null, 2) + "\n";
}

/** The comparison as a Markdown table, rewards with three digits. */
export function comparisonToMarkdown(rows: readonly ComparisonRow[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = COLUMNS.map((_, index) => index < 3 ? "---" : "---:");
  const body = rows.map((row) => line(comparisonCells(row, 3).map(markdownCell)));
  return line(COMPARISON_COLUMNS) + line(rule) + body.join("");
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Text as it stands: nothing in it may end the cell, start markup or open a tag. */
function markdownCell(text: string): string {
  return text
    .replace(/[\\`*_{}[\]<>#|~&]/g, (character) => `\\${character}`)
    .replace(/\r?\n/g, "<br>");
}
