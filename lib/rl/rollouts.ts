import { UserError } from "../errors.ts";
import type { Generated } from "../generation/generate.ts";
import type { PromptPass } from "../training/prompt_pass.ts";
import type { RowPredictions } from "../training/token_pass.ts";
import type { TokenRow } from "../training/token_rows.ts";

/** Numbers that generation reported of a response's tokens, t1 … tn. */
export interface SampledTokens {
  /** Log-probability of each token under the policy itself, in nats. */
  logprobs: ArrayLike<number> | null;
  /** Value before each token. */
  values: ArrayLike<number> | null;
  /** Revision of the parameters that generated it, where it is known. */
  revision?: number;
}

/** A response of a policy, with the revision of the parameters that made it. */
export interface GeneratedResponse extends Generated {
  /** `Parameters.revision` when it was generated. */
  revision: number;
}

/**
 * A policy's responses to a batch of queries, as `PPOTrainer.generate` returns them: an array with a
 * row for each query. It may hold the prompts of the rows that are trained first, read with a tape,
 * with the memory of a minibatch's activations, until the trainer's next `generate` or `step`.
 */
export class Rollouts extends Array<GeneratedResponse> {
  /** Prompts that a step on these rollouts need not read again. */
  promptPass: PromptPass | null = null;

  /** Parts and mapped copies of rollouts are plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** Labels responses with the revision of the parameters that made them. */
  static label(
    generated: readonly Generated[],
    revision: number,
    promptPass: PromptPass | null,
  ): Rollouts {
    const rollouts = new Rollouts();
    for (const response of generated) rollouts.push({ ...response, revision });
    rollouts.promptPass = promptPass;
    return rollouts;
  }

  /** Frees what a step could have gone on from. */
  release(): void {
    this.promptPass?.[Symbol.dispose]();
    this.promptPass = null;
  }
}

/**
 * Log-probabilities and values of responses as generation reported them: what a pass over them would
 * compute once more, bit for bit.
 *
 * @param revision of the parameters as they are now
 * @throws {UserError} when there is not one of each for every token, or a response was generated
 *   before the parameters changed
 */
export function reportedPredictions(
  rows: readonly TokenRow[],
  sampled: readonly SampledTokens[],
  revision: number,
): (RowPredictions & { values: Float32Array })[] {
  return rows.map(({ targets, firstCounted }, row) => {
    const { logprobs = null, values = null, revision: made = revision } = sampled[row] ?? {};
    if (made !== revision) {
      throw new UserError(
        `response ${row} was generated before the policy was updated: its logprobs are not those ` +
          "of the policy as it is. Generate again, or leave sampled out to have them computed",
      );
    }
    if (logprobs?.length !== targets.length || values?.length !== targets.length) {
      throw new UserError(
        `response ${row} has ${targets.length} tokens, but ${logprobs?.length ?? "no"} logprobs ` +
          `and ${values?.length ?? "no"} values; generate it with { valueHead, logprobs: true }`,
      );
    }
    return {
      logprobs: Float32Array.from(logprobs).subarray(firstCounted),
      values: Float32Array.from(values).subarray(firstCounted),
    };
  });
}
