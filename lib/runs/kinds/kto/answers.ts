import type { DatasetSplit } from "../../../data/dataset.ts";
import type { LabelledTokens } from "../../../data/preference_pairs.ts";
import type { KTOStats } from "../../../preference/kto_trainer.ts";
import { type LearnerStats, type LessonRows, shareAbove0 } from "../preference/learner.ts";

/** Reads answers that were liked or not. @throws {UserError} when the split has none */
export function answerRows(split: DatasetSplit): LessonRows<LabelledTokens> {
  const answers = split.answers();
  return {
    length: answers.length,
    leftOut: answers.leftOut,
    texts: (row) => {
      const { prompt, completion, label } = answers.texts(row);
      return { prompt, answers: { [label ? "chosen" : "rejected"]: completion } };
    },
    columns: (row) => answers.columns(row),
    tokens: (row) => answers.tokens(row),
    preferred: (row) => {
      const { completion, label } = answers.tokens(row);
      return label ? completion : null;
    },
  };
}

/** Results of a step on answers: a liked one should have an implied reward above 0, another one below. */
export function answerResults(
  answers: readonly LabelledTokens[],
  { metrics, rewards }: KTOStats,
): LearnerStats {
  return {
    metrics,
    accuracy: shareAbove0(rewards.map((reward, i) => answers[i].label ? reward : -reward)),
    rewards: rewards.map((reward, i) => ({ [answers[i].label ? "chosen" : "rejected"]: reward })),
  };
}
