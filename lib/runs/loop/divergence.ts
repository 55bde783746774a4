import { join } from "../../platform/paths.ts";
import { NotFiniteError, TrainingDivergedError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";

/** Maximum number of steps in a row that are skipped: after that many the model does not recover. */
export const MAX_SKIPS = 3;

/** Distinguishes errors of training itself from those of something around it. */
export function isDivergence(error: unknown): error is TrainingDivergedError | NotFiniteError {
  return error instanceof TrainingDivergedError || error instanceof NotFiniteError;
}

/**
 * Writes `diverged-<step>.json`: the batch that a step went wrong on.
 *
 * @returns the path
 * @throws {UserError} when it cannot be written
 */
export async function dumpBatch(
  run: string,
  step: number,
  reason: string,
  rows: readonly object[],
): Promise<string> {
  const path = join(run, `diverged-${step}.json`);
  // NaN and infinity, which this is about, are no JSON numbers.
  const plain = (_: string, value: unknown) =>
    value instanceof Float32Array
      ? Array.from(value, (number) => Number.isFinite(number) ? number : String(number))
      : value;
  await writeFileAtomic(path, JSON.stringify({ step, reason, rows }, plain, 2) + "\n");
  return path;
}
