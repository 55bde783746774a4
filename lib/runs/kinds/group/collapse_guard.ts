import { TrainingDivergedError } from "../../../errors.ts";
import type { Rollouts } from "../../../rl/rollouts.ts";
import { mean } from "../../../training/moments.ts";
import { predict } from "../../../training/token_pass.ts";
import type { TokenModel } from "../../../training/token_model.ts";
import { responseRow } from "../../../training/token_rows.ts";

/** Maximum number of responses that are read again: the check is to cost little beside a step. */
const ROWS = 8;

/**
 * Measures how far a step has moved a policy: for some of the step's responses, the mean over tokens of
 * the log-probability that the token was drawn with less that of the policy now; of these the median,
 * since a step may rightly make a bad response very unlikely, but not all of them.
 *
 * @param policy the policy now, at the temperature that the responses were drawn at
 * @param prompts tokens of each response's prompt
 * @returns KL estimate in nats a token
 */
export async function movedBy(
  policy: TokenModel,
  prompts: readonly (readonly number[])[],
  rollouts: Rollouts,
): Promise<number> {
  const count = Math.min(ROWS, rollouts.length);
  const chosen = Array.from({ length: count }, (_, i) => Math.floor(i * rollouts.length / count));
  const rows = chosen.map((row) => responseRow(policy.model, prompts[row], rollouts[row].tokens));
  const predictions = await predict(policy, rows);
  const moved = chosen.map((row, i) => {
    const { logprobs } = predictions[i];
    return mean(Array.from(logprobs, (logprob, token) => rollouts[row].logprobs![token] - logprob));
  });
  return moved.sort((a, b) => a - b)[count >> 1];
}

/**
 * Checks that a step has not moved the policy so far that it has collapsed.
 *
 * @throws {TrainingDivergedError} when it has
 */
export function checkMoved(step: number, moved: number, maxTokenKl: number): void {
  // A policy whose log-probabilities are not finite has collapsed, too.
  if (moved <= maxTokenKl) return;
  throw new TrainingDivergedError(
    `the policy has collapsed: step ${step} moved it by ${moved.toPrecision(3)} nats a token, ` +
      `\`maxTokenKl\` is ${maxTokenKl}: try a lower \`learningRate\``,
  );
}
