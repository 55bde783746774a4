import type { RowLoss } from "../training/row_loss.ts";
import { clippedObjective } from "./clipped_objective.ts";

/** A completion as the loss reads it. */
export interface RLOORow {
  /** Log-probabilities under the policy that is trained, in nats. */
  readonly logprobs: ArrayLike<number>;
  /** Log-probabilities under the policy that generated. */
  readonly oldLogprobs: ArrayLike<number>;
  /** Advantage of the completion. */
  readonly advantage: number;
}

/** A loss, its gradients, and the ratio of each row. */
export interface RLOOLoss extends RowLoss {
  /** Probability of each completion divided by that under the policy that generated. */
  readonly ratios: Float64Array;
  /** Bound at which each completion's term was clipped; null where it was not. */
  readonly clipped: readonly ("low" | "high" | null)[];
}

/**
 * Policy loss of RLOO as in TRL's RLOOTrainer: the sum over rows of
 * `max(-A·r, -A·clip(r, 1 ± cliprange))`, where `r` is the ratio of a whole completion, times `weight`.
 *
 * @param weight weight of a row: 1 / rows of the optimizer step
 */
export function rlooLoss(rows: readonly RLOORow[], cliprange: number, weight: number): RLOOLoss {
  const bounds = { low: 1 - cliprange, high: 1 + cliprange, delta: null };
  const ratios = Float64Array.from(rows, ({ logprobs, oldLogprobs }) => {
    let change = 0;
    for (let t = 0; t < logprobs.length; t++) change += logprobs[t] - oldLogprobs[t];
    return Math.exp(change);
  });
  const terms = rows.map(({ advantage }, i) => clippedObjective(ratios[i], advantage, bounds));
  return {
    loss: terms.reduce((sum, { loss }) => sum + weight * loss, 0),
    gradients: rows.map(({ logprobs }, i) =>
      new Float64Array(logprobs.length).fill(weight * terms[i].slope)
    ),
    ratios,
    clipped: rows.map(({ advantage }, i) => {
      if (ratios[i] < bounds.low && advantage < 0) return "low";
      return ratios[i] > bounds.high && advantage > 0 ? "high" : null;
    }),
  };
}
