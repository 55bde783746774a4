import type { RowLoss } from "../training/row_loss.ts";
import { clippedObjective, type RatioBounds } from "./clipped_objective.ts";

/** Mean that a loss takes over the tokens of a step. */
export type GRPOLossType = "grpo" | "bnpo" | "dr_grpo" | "dapo";

/** Settings of the loss, as in TRL's GRPOConfig. */
export interface GRPOLossOptions extends RatioBounds {
  /** Coefficient of the KL from the reference. */
  readonly beta: number;
  /** Unit of the ratio: a token, or a sequence (GSPO, https://arxiv.org/abs/2507.18071). */
  readonly importanceSamplingLevel: "token" | "sequence";
}

/** A completion as the loss reads it; arrays have an element for each token. */
export interface GRPORow {
  /** Log-probabilities under the policy that is trained, in nats. */
  readonly logprobs: ArrayLike<number>;
  /** Log-probabilities under the policy that generated. */
  readonly oldLogprobs: ArrayLike<number>;
  /** Log-probabilities under the reference; null without one. */
  readonly refLogprobs: ArrayLike<number> | null;
  /** Advantage of the completion. */
  readonly advantage: number;
  /** Weight of each token in the loss: see {@linkcode tokenWeights}. 0 leaves the completion out. */
  readonly weight: number;
}

/** Sums over the counted tokens of some rows; divided by `tokens` they are TRL's metrics. */
export interface GRPOSums {
  /** Counted tokens. */
  tokens: number;
  /** KL from the reference (k3). */
  kl: number;
  /** Tokens whose ratio is below the lower bound while the advantage is negative. */
  clippedLow: number;
  /** Tokens whose ratio is above the upper bound while the advantage is positive. */
  clippedHigh: number;
}

/** A loss, its gradients, and the sums behind its metrics. */
export interface GRPOLoss extends RowLoss {
  readonly sums: GRPOSums;
}

/**
 * Policy loss of GRPO (https://arxiv.org/abs/2402.03300, equation 3, as in TRL's GRPOTrainer): for
 * each token `-min(min(r, delta)·A, clip(r)·A) + beta·(e^d - d - 1)` with the ratio
 * `r = e^(logprob - oldLogprob)` and `d = refLogprob - logprob`, summed with the rows' weights.
 *
 * @throws {RangeError} when `beta` is not 0 and a row has no `refLogprobs`
 */
export function grpoLoss(rows: readonly GRPORow[], options: GRPOLossOptions): GRPOLoss {
  const sums: GRPOSums = { tokens: 0, kl: 0, clippedLow: 0, clippedHigh: 0 };
  let loss = 0;
  const gradients = rows.map((row) => {
    const gradient = new Float64Array(row.logprobs.length);
    if (row.weight !== 0) loss += row.weight * addRow(row, options, gradient, sums);
    return gradient;
  });
  return { loss, gradients, sums };
}

/** Sum of a row's terms; writes its gradient and adds to the sums. */
function addRow(
  { logprobs, oldLogprobs, refLogprobs, advantage, weight }: GRPORow,
  options: GRPOLossOptions,
  gradient: Float64Array,
  sums: GRPOSums,
): number {
  const { beta, importanceSamplingLevel } = options;
  if (beta !== 0 && !refLogprobs) {
    throw new RangeError("beta needs log-probabilities of a reference");
  }
  const count = logprobs.length;
  const change = (t: number) => logprobs[t] - oldLogprobs[t];
  let meanChange = 0;
  for (let t = 0; t < count; t++) meanChange += change(t) / count;
  const ofSequence = importanceSamplingLevel === "sequence"
    ? clip(Math.exp(meanChange), advantage, options)
    : null;
  let sum = 0;
  for (let t = 0; t < count; t++) {
    const { term, low, high } = ofSequence ?? clip(Math.exp(change(t)), advantage, options);
    sum += term.loss;
    // A sequence's ratio depends on each of its tokens by 1 / count, in each of its `count` terms.
    gradient[t] = weight * term.slope;
    sums.tokens++;
    sums.clippedLow += low;
    sums.clippedHigh += high;
    if (!refLogprobs) continue;
    const d = refLogprobs[t] - logprobs[t];
    const kl = Math.exp(d) - d - 1;
    sums.kl += kl;
    sum += beta * kl;
    gradient[t] += weight * beta * (1 - Math.exp(d));
  }
  return sum;
}

/** A term of the objective, and its part in the counts of clipped tokens. */
function clip(ratio: number, advantage: number, bounds: RatioBounds) {
  const free = bounds.delta === null ? ratio : Math.min(ratio, bounds.delta);
  return {
    term: clippedObjective(ratio, advantage, bounds),
    low: Number(free < bounds.low && advantage < 0),
    high: Number(free > bounds.high && advantage > 0),
  };
}

/** Sizes that decide a token's weight. */
export interface StepSizes {
  /** Maximum number of tokens of a completion. */
  readonly maxCompletionLength: number;
  /** Counted tokens of the whole optimizer step. */
  readonly stepTokens: number;
  /** Passes that make up the optimizer step. */
  readonly passes: number;
}

/**
 * Weight of each token of the rows of one pass, so that the sum over all passes of an optimizer step
 * is the step's loss:
 *
 * - `grpo`: mean over a row's tokens, then over the rows, those that do not count included;
 * - `bnpo`: mean over the counted tokens of the pass, then over the passes;
 * - `dr_grpo`: sum over the tokens divided by rows · `maxCompletionLength`, then the mean over the
 *   passes (Liu et al. 2025, https://arxiv.org/abs/2503.20783);
 * - `dapo`: mean over the counted tokens of the step (Yu et al. 2025, https://arxiv.org/abs/2503.14476).
 *
 * @param lengths counted tokens of each row; 0 where a row does not count
 */
export function tokenWeights(
  lossType: GRPOLossType,
  lengths: readonly number[],
  { maxCompletionLength, stepTokens, passes }: StepSizes,
): number[] {
  const rows = lengths.length * passes;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  return lengths.map((length) => {
    if (length === 0) return 0;
    switch (lossType) {
      case "grpo":
        return 1 / (rows * length);
      case "bnpo":
        return 1 / (tokens * passes);
      case "dr_grpo":
        return 1 / (rows * maxCompletionLength);
      case "dapo":
        return 1 / stepTokens;
    }
  });
}
