import { TrainingDivergedError } from "../../../errors.ts";
import type { PPOStats } from "../../../rl/statistics.ts";
import type { TrainConfig } from "../../settings/config.ts";

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
