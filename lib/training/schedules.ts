import { UserError } from "../errors.ts";

/** Learning rate over the steps of a run. */
export interface LearningRateSchedule {
  /** Learning rate at the schedule's peak. */
  readonly learningRate: number;
  /** Shape after the warm-up: constant, or falling to 0. */
  readonly lrScheduler: "constant" | "linear" | "cosine";
  /** Steps over which the learning rate rises linearly from 0. */
  readonly warmupSteps: number;
  /** Step at which a falling learning rate is 0. */
  readonly steps: number;
}

/**
 * Checks that the warm-up ends within the run.
 *
 * @throws {UserError} when it does not
 */
export function checkWarmup(
  { warmupSteps, steps }: Pick<LearningRateSchedule, "warmupSteps" | "steps">,
): void {
  if (warmupSteps <= steps) return;
  throw new UserError(
    `\`warmupSteps\` ${warmupSteps} is more than \`steps\` ${steps}: the warm-up would not end; ` +
      `make it at most ${steps}`,
  );
}

/**
 * The learning rate of a step, as transformers' `get_scheduler` computes `constant_with_warmup`,
 * `linear` and `cosine`: it rises linearly from 0 during the warm-up, then stays, or falls to 0
 * at step `steps` along a line or half a cosine.
 *
 * @param step counted from 0
 */
export function learningRateAt(
  step: number,
  { learningRate, lrScheduler, warmupSteps, steps }: LearningRateSchedule,
): number {
  if (step < warmupSteps) return learningRate * step / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (lrScheduler) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * (1 - progress);
    case "cosine":
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
