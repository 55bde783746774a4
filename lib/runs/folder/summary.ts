import { basename, dirname } from "node:path";
import { z } from "../../packages/zod.ts";
import { UserError } from "../../errors.ts";
import type { SampleStatistics } from "../../evaluation/statistics.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import { readJsonIfThere } from "../../formats/hf_config.ts";

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

const statistics = z.object({
  mean: z.number(),
  std: z.number(),
  count: z.int(),
  interval: z.tuple([z.number(), z.number()]),
});

const summarySchema = z.object({
  toxicity: z.object({ before: statistics, after: statistics }),
  reward: z.object({ before: z.number(), after: z.number() }),
  steps: z.int(),
  parameters: z.object({ trainable: z.int(), all: z.int() }),
  seconds: z.number(),
});

/**
 * Reads `summary.json`; null when the run has none.
 *
 * @throws {UserError} when it cannot be read, or is not what was written
 */
export async function readSummary(path: string): Promise<Summary | null> {
  const json = await readJsonIfThere(dirname(path), basename(path));
  if (json === null) return null;
  const parsed = summarySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [{ path: at, message }] = parsed.error.issues;
  throw new UserError(`${path}: ${at.join(".")}: ${message}`);
}

/** The change of a toxicity in percent; negative when there is less. */
export function percentChange(before: number, after: number): number {
  return (after - before) / before * 100;
}
