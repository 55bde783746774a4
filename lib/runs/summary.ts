import { writeFileAtomic } from "../formats/atomic_write.ts";
import type { SampleStatistics } from "../evaluation/statistics.ts";

/** The headline numbers of a run: `summary.json`. */
export interface Summary {
  /** Toxicity of the policy on prompts that were not trained on, by TRL's reading of it. */
  toxicity: { before: SampleStatistics; after: SampleStatistics };
  /** Mean reward of the same responses. */
  reward: { before: number; after: number };
  /** Steps done. */
  steps: number;
  /** Trained numbers, and all there are. */
  parameters: { trainable: number; all: number };
  /** Wall-clock time of the run, that before an interruption included. */
  seconds: number;
}

/** Writes `summary.json`. @throws {UserError} naming the file and the reason */
export async function writeSummary(path: string, summary: Summary): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(summary, null, 2) + "\n");
}

/** Reads `summary.json`; null when the run has none, or not yet a whole one. */
export async function readSummary(path: string): Promise<Summary | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)) as Summary;
  } catch {
    return null;
  }
}

/** The change of a toxicity in percent; negative when there is less. */
export function percentChange(before: number, after: number): number {
  return (after - before) / before * 100;
}
