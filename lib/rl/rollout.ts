import { UserError } from "../errors.ts";
import type { TokenRow } from "../training/token_rows.ts";
import { generalisedAdvantages } from "./advantages.ts";
import type { PPOConfig } from "./ppo_config.ts";
import { klPenalisedRewards } from "./rewards.ts";

/** A query, the policy's response to it, and the response's score: what PPO learns from. */
export interface ScoredResponse extends TokenRow {
  /** Tokens as the trainer was given them. */
  readonly response: readonly number[];
  /** Score that the reward function gave. */
  readonly score: number;
}

/** A scored response with the policies' predictions; arrays are over counted positions. */
export interface Rollout extends ScoredResponse {
  /** Log-probabilities of the policy that is about to be optimised, in nats. */
  logprobs: Float32Array;
  /** Log-probabilities of the reference policy, in nats. */
  refLogprobs: Float32Array;
  /** Value before each token. */
  values: Float32Array;
  /** `logprobs - refLogprobs`. */
  kl: Float64Array;
  /** The KL penalty alone. */
  nonScoreRewards: Float64Array;
  /** The KL penalty, with the score at the last position. */
  rewards: Float64Array;
  /** Not whitened. */
  advantages: Float64Array;
  /** `advantages + values`. */
  returns: Float64Array;
}

/** Minimum number of counted positions in TRL 0.4. */
const COMPAT_MIN_COUNTED = 2;

/**
 * Lays out one response for a pass. By default a response is the tokens generated, t1 … tn; in the
 * `trl-0.4` mode it is the decoder's sequence as it stands, and its first position is left out.
 *
 * @param row number of the response, for the message
 * @param firstInput token that the model reads first when it continues the query
 * @throws {UserError} when the response has too few tokens, the query none, or the score is not finite.
 */
export function layOutResponse(
  row: number,
  { query, response, score }: Pick<ScoredResponse, "query" | "response" | "score">,
  compat: PPOConfig["compat"],
  firstInput: number,
): ScoredResponse {
  if (query.length === 0) throw new UserError(`query ${row} is empty; give at least one token`);
  if (!Number.isFinite(score)) {
    throw new UserError(`score ${row} is ${score}; a reward must be a finite number`);
  }
  const sequence = compat === "none" ? [firstInput, ...response] : response;
  const firstCounted = compat === "none" ? 0 : 1;
  const count = sequence.length - 1 - firstCounted;
  if (compat === "none" && count < 1) {
    throw new UserError(`response ${row} is empty; give at least one token`);
  }
  if (compat === "trl-0.4" && count < COMPAT_MIN_COUNTED) {
    throw new UserError(
      `response ${row} has ${response.length} tokens; compat "trl-0.4" needs at least ` +
        `${COMPAT_MIN_COUNTED + 2}, the decoder's start token included (or set compat to "none")`,
    );
  }
  return {
    query,
    response,
    score,
    inputs: sequence.slice(0, -1),
    targets: sequence.slice(1),
    counted: [[firstCounted, sequence.length - 1]],
  };
}

/** Computes the rewards, advantages and returns of a scored response. */
export function completeRollout(
  scored: ScoredResponse,
  { logprobs, refLogprobs, values }: Pick<Rollout, "logprobs" | "refLogprobs" | "values">,
  klCoef: number,
  { gamma, lam }: Pick<PPOConfig, "gamma" | "lam">,
): Rollout {
  const rewards = klPenalisedRewards(logprobs, refLogprobs, scored.score, klCoef);
  const advantages = generalisedAdvantages(rewards.rewards, values, gamma, lam);
  return { ...scored, logprobs, refLogprobs, values, ...rewards, ...advantages };
}
