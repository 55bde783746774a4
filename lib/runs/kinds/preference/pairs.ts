import type { DatasetSplit } from "../../../data/dataset.ts";
import type { PairTokens } from "../../../data/preference_pairs.ts";
import type { PreferenceStats } from "../../../preference/pair_stats.ts";
import { type LearnerStats, type LessonRows, shareAbove0 } from "./learner.ts";

/** Reads pairs. @throws {UserError} when the split has none */
export function pairRows(split: DatasetSplit): LessonRows<PairTokens> {
  const pairs = split.pairs();
  return {
    length: pairs.length,
    leftOut: pairs.leftOut,
    texts: (row) => {
      const { prompt, ...answers } = pairs.texts(row);
      return { prompt, answers };
    },
    columns: (row) => pairs.columns(row),
    tokens: (row) => pairs.tokens(row),
    preferred: (row) => pairs.tokens(row).chosen,
  };
}

/** Results of a step on pairs. */
export function pairResults({ metrics, pairs }: PreferenceStats): LearnerStats {
  return {
    metrics,
    accuracy: shareAbove0(pairs.map((pair) => pair.chosenReward - pair.rejectedReward)),
    rewards: pairs.map(({ chosenReward, rejectedReward }) => ({
      chosen: chosenReward,
      rejected: rejectedReward,
      margin: chosenReward - rejectedReward,
    })),
  };
}
