/** Cuts launches into tasks. Small problems are one task, which runs without waking a worker. */

/** Sizes of a matrix whose rows are worked on one by one. */
export interface RowsShape {
  /** Rows. */
  rows: number;
  /** Elements of a row. */
  width: number;
}

/** Elements that are worth a task of their own, for kernels bound by memory. */
const TASK_ELEMENTS = 16384;

/** The same for kernels that compute an exponential of each element, which takes some 3 ns. */
export const EXPONENTIALS_TASK_ELEMENTS = 4096;

/** Rows of `width` elements that make a task of `elements`. */
export function rowsPerTask(width: number, elements: number = TASK_ELEMENTS): number {
  return Math.max(1, Math.floor(elements / width));
}

/**
 * Columns that make a task of a kernel that walks down `rows` rows: a multiple of 16 (a cache
 * line), at most 4096, so that f32 partial results of two outputs fit in the scratch memory.
 */
export function columnsPerTask(rows: number): number {
  const columns = Math.floor(TASK_ELEMENTS / Math.max(1, rows) / 16) * 16;
  return Math.min(4096, Math.max(16, columns));
}
