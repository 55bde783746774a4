import type { FleetPrompt } from "../runs/kinds/fleet/rollout_fleet.ts";
import type { Result } from "./messages.ts";

/** Place of a response. */
export interface ResultId {
  readonly step: number;
  readonly prompt: number;
  readonly response: number;
}

/** Reads the place of a response from the subject of its message; null where that has none. */
export function resultIdOf(subject: string): ResultId | null {
  const found = /^temper\.[\w-]+\.result\.(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(subject);
  if (!found) return null;
  const [step, prompt, response] = found.slice(1).map(Number);
  return { step, prompt, response };
}

/**
 * Finds the reason to refuse a result; null for one that passes every check. With such a result, the
 * trainer stays within its arrays.
 *
 * @param expected prompts of the step, and the digest of the policy that was to respond
 */
export function resultProblem(
  { policy, tokens, logprobs, values, failure }: Result,
  expected: { readonly prompts: readonly FleetPrompt[]; readonly policy: string },
  { prompt }: ResultId,
  vocabSize: number,
): string | null {
  if (policy !== expected.policy) {
    return `the policy ${policy.slice(0, 12)} made it, expected ${expected.policy.slice(0, 12)}`;
  }
  if (failure !== undefined) return null;
  const { maxNewTokens } = expected.prompts[prompt];
  if (tokens.length < 1 || tokens.length > maxNewTokens) {
    return `it has ${tokens.length} tokens, expected 1 to ${maxNewTokens}`;
  }
  const outside = tokens.find((token) => token >= vocabSize);
  if (outside !== undefined) return `it has token ${outside} of a vocabulary of ${vocabSize}`;
  for (const [name, numbers] of [["logprobs", logprobs], ["values", values]] as const) {
    if (numbers === null ? name === "logprobs" : numbers.length !== tokens.length) {
      return `it has ${numbers?.length ?? "no"} ${name} for ${tokens.length} tokens`;
    }
  }
  return null;
}
