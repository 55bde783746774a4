import type { PPOStats } from "../rl/ppo_trainer.ts";
import { JsonLines } from "./jsonl.ts";

/** `metrics.jsonl`: a row of statistics a step, by TRL's names. */
export class MetricsFile extends JsonLines {
  /** Appends a step's row: its number, then its statistics; arrays stay arrays. */
  appendStep(step: number, stats: PPOStats): void {
    const row: Record<string, unknown> = { step };
    for (const [name, value] of Object.entries(stats)) {
      row[name] = typeof value === "number" ? value : Array.from(value);
    }
    this.append(row);
  }
}
