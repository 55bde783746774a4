import { UserError } from "../../errors.ts";
import type { MetricsRow } from "./export.ts";
import { JsonLines, readRows } from "./jsonl.ts";

/** `metrics.jsonl`: a row of statistics a step. */
export class MetricsFile extends JsonLines {
  /**
   * Appends a step's row: its number, its statistics, and as `time/unix` the time in seconds.
   *
   * @returns the row
   */
  appendStep(step: number, metrics: Omit<MetricsRow, "step">): MetricsRow {
    const row = { step, ...metrics, "time/unix": Date.now() / 1000 };
    this.append(row);
    return row;
  }
}

/**
 * Reads the rows of `metrics.jsonl`.
 *
 * @throws {UserError} naming the file and the line that is not one; a file that does not exist has none
 */
export async function readMetrics(path: string): Promise<MetricsRow[]> {
  const rows = await readRows<MetricsRow>(path);
  const wrong = rows.findIndex(({ step }) => !Number.isSafeInteger(step));
  if (wrong < 0) return rows;
  throw new UserError(
    `${path}: row ${wrong + 1} has the step ${JSON.stringify(rows[wrong].step) ?? "missing"}: ` +
      "put it back, or delete the line",
  );
}
