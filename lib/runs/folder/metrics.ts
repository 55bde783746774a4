import { UserError } from "../../errors.ts";
import type { PPOStats } from "../../rl/statistics.ts";
import type { MetricsRow } from "./export.ts";
import { JsonLines, readRows } from "./jsonl.ts";

/** Statistics of single tokens: as long as all rollouts together, and in no chart. */
const PER_TOKEN: readonly string[] = [
  "objective/logprobs",
  "objective/ref_logprobs",
  "ppo/policy/advantages",
  "ppo/policy/ratio",
];

/** `metrics.jsonl`: a row of statistics a step, by TRL's names. */
export class MetricsFile extends JsonLines {
  /**
   * Appends a step's row: its number, then its statistics. Numbers of single rollouts are arrays,
   * those of single tokens are left out.
   *
   * `time/unix` is when it was appended, in seconds.
   *
   * @returns the row
   * @param times seconds of what is not PPO's, such as `time/generate`
   */
  appendStep(
    step: number,
    stats: PPOStats,
    times: Readonly<Record<string, number>> = {},
  ): MetricsRow {
    const row: Record<string, unknown> = { step };
    for (const [name, value] of Object.entries(stats)) {
      if (PER_TOKEN.includes(name)) continue;
      row[name] = typeof value === "number" ? value : Array.from(value as ArrayLike<number>);
    }
    const whole = { ...row, ...times, "time/unix": Date.now() / 1000 };
    this.append(whole);
    return whole as unknown as MetricsRow;
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
