import { TrainingDivergedError } from "../../../errors.ts";
import type { PPOStats } from "../../../rl/statistics.ts";
import type { TrainConfig } from "../../settings/config.ts";

/** Statistics of a step that the guard reads. */
export type GuardedStats = Pick<
  PPOStats,
  "objective/kl" | "objective/kl_dist" | "objective/logprobs" | "ppo/policy/policykl"
>;

const ADVICE = "try a lower `learningRate` or a larger `initKlCoef`";

/**
 * Checks a step's KL from the reference, and how far the step moved the policy.
 *
 * The mean KL is an estimate from log ratios over sampled tokens: clearly below 0 it says that the
 * samples are not the policy's (temperature, top-k), and the penalty has become a reward for moving
 * away. Its tail is heavy, so a policy that has collapsed is recognized by the median response
 * instead: one that repeats a word is many nats a token away from the reference in every response.
 * That holds for the adapter as it was at the start: an adapter may rightly be far from the base model.
 *
 * @throws {TrainingDivergedError} when one is out of bounds
 */
export function checkKl(
  step: number,
  stats: GuardedStats,
  { minKl, maxKl, maxTokenKl, reference }: Pick<
    TrainConfig,
    "minKl" | "maxKl" | "maxTokenKl" | "reference"
  >,
): void {
  const kl = stats["objective/kl"];
  if (!(kl >= minKl)) {
    throw new TrainingDivergedError(
      `the mean KL of step ${step} is ${kl}, \`minKl\` is ${minKl}: sample with ` +
        "`temperature` 1, `topK` 0 and `topP` 1",
      { beganBad: true },
    );
  }
  if (!(kl <= maxKl)) {
    throw new TrainingDivergedError(
      `the mean KL of step ${step} is ${kl}, \`maxKl\` is ${maxKl}: ${ADVICE}`,
      { beganBad: true },
    );
  }
  const tokenKl = median(
    Array.from(stats["objective/kl_dist"], (kl, i) => kl / stats["objective/logprobs"][i].length),
  );
  if (reference === "initial" && tokenKl > maxTokenKl) {
    throw new TrainingDivergedError(
      `the policy has collapsed: the median response of step ${step} is ${
        tokenKl.toPrecision(3)
      } nats a token from the reference, \`maxTokenKl\` is ${maxTokenKl}: ${ADVICE}`,
      { beganBad: true },
    );
  }
  const moved = stats["ppo/policy/policykl"];
  if (moved > maxTokenKl) {
    throw new TrainingDivergedError(
      `the policy has collapsed: step ${step} moved it by ${
        moved.toPrecision(3)
      } nats a token, \`maxTokenKl\` is ${maxTokenKl}: ${ADVICE}`,
    );
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
