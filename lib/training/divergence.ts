import { TrainingDivergedError } from "../errors.ts";

/**
 * Checks what an optimizer step computed. No update is made from a gradient that is not finite.
 *
 * @param step name of the step, for the message: "PPO step 3"
 * @param numbers loss and norm of the gradient, by their names
 * @throws {TrainingDivergedError} naming the first number that is not finite
 */
export function checkFinite(step: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isFinite(value)) continue;
    throw new TrainingDivergedError(
      `training diverged in ${step}: the ${name} is ${value}; the parameters are those of the last ` +
        "finite update; try a lower `learningRate` or a `maxGradNorm`",
    );
  }
}
