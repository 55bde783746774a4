import { mean } from "../training/moments.ts";

/** A pair as the policy sees it, in TRL's terms. */
export interface PairStats {
  /** Loss of the pair, without the likelihood of the chosen answer that ORPO and `rpoAlpha` add. */
  readonly loss: number;
  /** Log-probability of the chosen answer; with ORPO and `ipo` the mean over its tokens. */
  readonly chosenLogps: number;
  /** Log-probability of the rejected answer. */
  readonly rejectedLogps: number;
  /**
   * Reward that the policy implies of the chosen answer: `beta` times its log-ratio to the reference,
   * with ORPO times its log-probability.
   */
  readonly chosenReward: number;
  /** Implied reward of the rejected answer. */
  readonly rejectedReward: number;
}

/** Results of a step on pairs, or of an evaluation. */
export interface PreferenceStats {
  /** Metrics by TRL's names. */
  readonly metrics: Record<string, number>;
  /** Each pair. */
  readonly pairs: readonly PairStats[];
}

/** Metrics of pairs, by TRL's names. */
export function pairMetrics(pairs: readonly PairStats[]): Record<string, number> {
  const average = (of: (pair: PairStats) => number) => mean(pairs.map(of));
  return {
    "rewards/chosen": average(({ chosenReward }) => chosenReward),
    "rewards/rejected": average(({ rejectedReward }) => rejectedReward),
    "rewards/accuracies": average((pair) => Number(pair.chosenReward > pair.rejectedReward)),
    "rewards/margins": average((pair) => pair.chosenReward - pair.rejectedReward),
    "logps/chosen": average(({ chosenLogps }) => chosenLogps),
    "logps/rejected": average(({ rejectedLogps }) => rejectedLogps),
  };
}
