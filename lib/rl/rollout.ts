import { UserError } from "../errors.ts";
import { generalisedAdvantages } from "./advantages.ts";
import type { PPOConfig } from "./ppo_config.ts";
import { klPenalisedRewards } from "./rewards.ts";

/** A query, the policy's response to it, and the response's score: what PPO learns from. */
export interface ScoredResponse {
  /** Tokens for the encoder. */
  query: readonly number[];
  /** Tokens as the trainer was given them. */
  response: readonly number[];
  /** What the reward function gave. */
  score: number;
  /** What the decoder reads, d[0 … n-1]. */
  decoderInput: readonly number[];
  /** What it should predict, d[1 … n]: position `i` predicts `d[i+1]`. */
  targets: readonly number[];
  /** The first position that counts in the loss; all later ones do too. */
  firstCounted: number;
}

/** A scored response with what the policies think of it; arrays are over counted positions. */
export interface Rollout extends ScoredResponse {
  /** Of the policy that is about to be optimised. */
  logprobs: Float32Array;
  /** Of the reference policy. */
  refLogprobs: Float32Array;
  /** Of the value head, before each token. */
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

/** Counted positions that TRL 0.4 needs at least. */
const COMPAT_MIN_COUNTED = 2;

/**
 * Lays out one response for the decoder. By default a response is what was generated, t1 … tn; in
 * the `trl-0.4` mode it is the decoder's sequence as it stands, and its first position is left out.
 *
 * @param row which response it is, for the message
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
  const counted = sequence.length - 1 - firstCounted;
  if (compat === "none" && counted < 1) {
    throw new UserError(`response ${row} is empty; give at least one token`);
  }
  if (compat === "trl-0.4" && counted < COMPAT_MIN_COUNTED) {
    throw new UserError(
      `response ${row} has ${response.length} tokens; compat "trl-0.4" needs at least ` +
        `${COMPAT_MIN_COUNTED + 2}, the decoder's start token included (or set compat to "none")`,
    );
  }
  return {
    query,
    response,
    score,
    decoderInput: sequence.slice(0, -1),
    targets: sequence.slice(1),
    firstCounted,
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

/**
 * Packs an array of each rollout behind one another as the decoder's rows are, [M], with 0 at
 * positions that do not count.
 */
export function packPositions(
  rollouts: readonly ScoredResponse[],
  counted: readonly ArrayLike<number>[],
): Float32Array<ArrayBuffer> {
  const total = rollouts.reduce((sum, rollout) => sum + rollout.targets.length, 0);
  const packed = new Float32Array(total);
  let row = 0;
  rollouts.forEach((rollout, i) => {
    packed.set(counted[i], row + rollout.firstCounted);
    row += rollout.targets.length;
  });
  return packed;
}

/** Undoes {@linkcode packPositions}: the counted positions of each rollout. */
export function unpackPositions(
  rollouts: readonly ScoredResponse[],
  packed: Float32Array,
): Float32Array[] {
  let row = 0;
  return rollouts.map(({ targets, firstCounted }) => {
    const counted = packed.slice(row + firstCounted, row + targets.length);
    row += targets.length;
    return counted;
  });
}
