import type { DatasetSplit } from "../../../data/dataset.ts";
import type { AdaptedModel } from "../../../training/adapter_trainer.ts";
import type { LearningRateSchedule } from "../../../training/schedules.ts";
import type { Trainer } from "../../../training/trainer.ts";

/** Texts of what is learnt from a row. */
export interface LessonTexts {
  /** Text that is continued. */
  readonly prompt: string;
  /** Answers, by what they are: `chosen` and `rejected`, or `completion`. */
  readonly answers: Readonly<Record<string, string>>;
}

/** Rows of a split as an algorithm learns from them: pairs, or answers that were liked or not. */
export interface LessonRows<Tokens> {
  /** Number of rows to learn from. */
  readonly length: number;
  /** Reasons why rows of the file are left out, with their numbers. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Returns a row's texts. */
  texts(row: number): LessonTexts;
  /** Returns the row of the file that a row is from, by column. */
  columns(row: number): Readonly<Record<string, unknown>>;
  /** Returns a row's tokens. */
  tokens(row: number): Tokens;
  /** Returns the tokens of a row's preferred answer; null where it has none. */
  preferred(row: number): readonly number[] | null;
}

/** Results of a step or an evaluation. */
export interface LearnerStats {
  /** Metrics by TRL's names. */
  readonly metrics: Record<string, number>;
  /** Share of the rows whose implied rewards agree with the preference, ties counted half. */
  readonly accuracy: number;
  /** Implied rewards of each row's answers, by what they are, for samples. */
  readonly rewards: readonly Readonly<Record<string, number>>[];
}

/** An algorithm on preferences that trains a policy. */
export interface Learner<Tokens> {
  readonly trainer: Trainer & {
    readonly policy: AdaptedModel;
    readonly config: LearningRateSchedule;
  };
  /** Optimizer steps of the run. */
  readonly steps: number;
  /**
   * Makes one optimizer step.
   *
   * @param rows numbers of the rows in the train split
   * @throws {TrainingDivergedError} when the loss or its gradient is not finite
   */
  step(lessons: readonly Tokens[], rows: readonly number[]): Promise<LearnerStats>;
  /** Measures rows that are not trained on. */
  evaluate(lessons: readonly Tokens[]): Promise<LearnerStats>;
}

/** Tokens of a row, whose prompt is answered to measure. */
export interface Lesson {
  /** Tokens of the prompt. */
  readonly prompt: number[];
}

/** An algorithm on preferences. */
export interface PreferenceAlgorithm<Config, Tokens extends Lesson> {
  /** Name for people. */
  readonly title: string;
  /** Reads rows. @throws {UserError} when the split has no such rows */
  rows(split: DatasetSplit): LessonRows<Tokens>;
  /**
   * Makes the trainer.
   *
   * @param train rows of the train split
   * @throws {UserError} when the settings are not possible
   */
  learner(policy: AdaptedModel, config: Config, train: LessonRows<Tokens>): Learner<Tokens>;
}

/** Share of numbers above 0, those that are 0 counted half. */
export function shareAbove0(values: readonly number[]): number {
  const share = values.reduce((sum, value) => sum + (Math.sign(value) + 1) / 2, 0);
  return share / values.length;
}
