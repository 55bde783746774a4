import { displayWidth, pad, wrap } from "./text_layout.ts";

/** A column of {@linkcode renderTable}. */
export interface Column {
  /** Text above the column. */
  header: string;
  /** Numbers read best aligned right. Default: left. */
  align?: "left" | "right";
  /** True for a column that may become narrower than its contents, which are then wrapped. */
  flexible?: boolean;
}

/** Options of {@linkcode renderTable}. */
export interface TableOptions {
  /** Maximum columns of a line. */
  width: number;
  /** Maximum lines of a cell; longer ones end in an ellipsis. Default: no limit. */
  maxLines?: number;
}

const GAP = "  ";
/** Minimum width of a flexible column. */
const NARROWEST = 8;

/**
 * Lays out rows as a table no wider than the terminal. Rigid columns get the width of their
 * contents. Flexible ones share the rest equally, and leave what they do not need to the others.
 *
 * @returns the lines, without a line break at the end
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: TableOptions,
): string {
  const widths = columnWidths(columns, rows, options.width);
  const lines = [
    ...renderRow(columns, columns.map((column) => column.header), widths, 2),
    widths.map((width) => "─".repeat(width)).join(GAP),
  ];
  const parts = rows.map((row) => renderRow(columns, row, widths, options.maxLines));
  // Rows of one line each need nothing between them.
  const isWrapped = parts.some((part) => part.length > 1);
  parts.forEach((part, index) => {
    if (isWrapped && index > 0) lines.push("");
    lines.push(...part);
  });
  return lines.join("\n");
}

function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  total: number,
): number[] {
  const wanted = columns.map((column, index) =>
    Math.max(
      displayWidth(column.header),
      ...rows.map((row) => displayWidth(wrap(row[index], Infinity)[0])),
    )
  );
  const widths = [...wanted];
  let room = total - GAP.length * (columns.length - 1);
  columns.forEach((column, index) => {
    if (!column.flexible) room -= wanted[index];
  });
  // The widest comes last, when the surplus of the others is known.
  const flexible = columns.map((_, index) => index)
    .filter((index) => columns[index].flexible)
    .sort((a, b) => wanted[a] - wanted[b]);
  flexible.forEach((index, position) => {
    const share = Math.floor(room / (flexible.length - position));
    widths[index] = Math.min(wanted[index], Math.max(NARROWEST, share));
    room -= widths[index];
  });
  return widths;
}

function renderRow(
  columns: readonly Column[],
  cells: readonly string[],
  widths: readonly number[],
  maxLines?: number,
): string[] {
  const wrapped = cells.map((cell, index) => wrap(cell, widths[index], maxLines));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map((column, index) => pad(wrapped[index][line] ?? "", widths[index], column.align))
      .join(GAP)
      .trimEnd());
}
