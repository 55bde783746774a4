import type { RewardFunction } from "./reward.ts";
import {
  CLASSIFIER_BATCH_SIZE,
  classify,
  labelIndex,
  probabilities,
  type TextClassifier,
} from "./text_classifier.ts";

/** Options of a classifier as reward. */
export interface ClassifierRewardOptions {
  /** Label whose logit is the score, by name; default "nothate", or a reward model's only label. */
  label?: string | null;
  /**
   * Score with the label's probability, as {@linkcode probabilities} computes it, in place of its raw
   * logit; default false.
   */
  softmax?: boolean;
  /** Number of texts classified at once; default 16. */
  batchSize?: number;
}

/**
 * Text classifier as reward: a sample's score is the raw logit of one label on the text
 * `query + response`, joined with nothing between them.
 *
 * The label is chosen by name, never by position: pipelines that sort their labels by score would
 * otherwise reward whatever the classifier is surest of.
 */
export class ClassifierReward {
  /** Number of texts scored so far. */
  scored = 0;
  /** Number of these that were cut because they were longer than the classifier reads. */
  truncated = 0;

  readonly #classifier: TextClassifier;
  readonly #label: number;
  readonly #softmax: boolean;
  readonly #batchSize: number;

  /**
   * Wraps a classifier.
   *
   * @throws {UserError} when the classifier has no such label; the message lists those it has
   */
  constructor(classifier: TextClassifier, options: ClassifierRewardOptions = {}) {
    this.#classifier = classifier;
    const [first, ...others] = classifier.labels;
    const label = options.label ?? (others.length === 0 ? first : "nothate");
    this.#label = labelIndex(classifier, label, "reward");
    this.#softmax = options.softmax ?? false;
    this.#batchSize = options.batchSize ?? CLASSIFIER_BATCH_SIZE;
  }

  /** Reward function; it can be passed on by itself. */
  readonly score: RewardFunction = async (samples) => {
    const texts = samples.map(({ query, response }) => query + response);
    const { logits, truncated } = await classify(this.#classifier, texts, this.#batchSize);
    this.scored += texts.length;
    this.truncated += truncated;
    const values = this.#softmax
      ? logits.map((row) => probabilities(this.#classifier, row))
      : logits;
    return values.map((row) => row[this.#label]);
  };

  /** Returns a line for a run's end when texts were cut; null when none was. */
  truncationNotice(): string | null {
    if (this.truncated === 0) return null;
    return `${this.truncated} of ${this.scored} texts were longer than the reward model's ` +
      `${this.#classifier.maxLength} tokens and were cut to score them`;
  }
}
