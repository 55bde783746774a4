import { join } from "node:path";
import type { Example } from "../../data/dataset.ts";
import { NotFiniteError, TrainingDivergedError } from "../../errors.ts";
import { writeFileAtomic } from "../../platform/atomic_write.ts";
import type { PPOStats } from "../../rl/statistics.ts";
import type { TrainConfig } from "../settings/config.ts";
import type { RolloutBatch } from "./rollouts.ts";

/** Steps in a row that may be skipped: after that many the policy does not recover. */
export const MOST_SKIPS = 3;

/** Whether training itself went wrong, rather than something around it. */
export function isDivergence(error: unknown): error is TrainingDivergedError | NotFiniteError {
  return error instanceof TrainingDivergedError || error instanceof NotFiniteError;
}

/**
 * Checks a step's KL from the reference. Its estimate is a mean of log ratios over sampled tokens:
 * clearly below 0 it says that the samples are not the policy's (temperature, top-k), and the
 * penalty has become a reward for moving away.
 *
 * @throws {TrainingDivergedError} when it is out of bounds
 */
export function checkKl(
  step: number,
  stats: Pick<PPOStats, "objective/kl">,
  { minKl, maxKl }: Pick<TrainConfig, "minKl" | "maxKl">,
): void {
  const kl = stats["objective/kl"];
  if (kl >= minKl && kl <= maxKl) return;
  const [name, bound] = kl < minKl ? ["minKl", minKl] : ["maxKl", maxKl];
  const advice = kl < minKl
    ? "sample with `temperature` 1, `topK` 0 and `topP` 1"
    : "try a lower `learningRate` or a larger `initKlCoef`";
  throw new TrainingDivergedError(
    `the mean KL of step ${step} is ${kl}, \`${name}\` is ${bound}: ${advice}`,
  );
}

/**
 * Writes `diverged-<step>.json`: what there is of the batch that a step went wrong on.
 *
 * @returns the path
 * @throws {UserError} when it cannot be written
 */
export async function dumpBatch(
  run: string,
  step: number,
  reason: string,
  prompts: readonly Example[],
  batch: RolloutBatch | null,
): Promise<string> {
  const path = join(run, `diverged-${step}.json`);
  const rows = prompts.map(({ id, query, inputIds }, index) => ({
    id,
    query,
    ...batch?.samples[index],
    queryTokens: inputIds,
    responseTokens: batch?.responses[index],
    logprobs: batch?.sampled?.[index].logprobs,
    values: batch?.sampled?.[index].values,
  }));
  // NaN and infinity, which this is about, are no JSON numbers.
  const plain = (_: string, value: unknown) =>
    value instanceof Float32Array
      ? Array.from(value, (number) => Number.isFinite(number) ? number : String(number))
      : value;
  await writeFileAtomic(path, JSON.stringify({ step, reason, rows }, plain, 2) + "\n");
  return path;
}
