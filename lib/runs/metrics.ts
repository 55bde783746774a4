import type { PPOStats } from "../rl/statistics.ts";
import type { MetricsRow } from "./export.ts";
import { JsonLines } from "./jsonl.ts";

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
