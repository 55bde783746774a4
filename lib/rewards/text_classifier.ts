import { UserError } from "../errors.ts";
import type { ProblemType } from "../models/classifier_config.ts";

/** Text classifier, as rewards and measurements use it: `SequenceClassifier` is one. */
export interface TextClassifier {
  /** Names of the labels, in the order of the logits. */
  readonly labels: readonly string[];
  /** Maximum number of tokens of a text; longer texts are cut. */
  readonly maxLength: number;
  /** Problem that the labels are of; null or missing: one label of several, or one alone. */
  readonly problemType?: ProblemType | null;
  /** Computes raw logits [texts, labels], and counts the texts that were cut. */
  logits(texts: readonly string[]): Promise<{ logits: number[][]; truncated: number }>;
}

/** Default number of texts that are classified at once. */
export const CLASSIFIER_BATCH_SIZE = 16;

/**
 * Finds the index of a label in the classifier's logits.
 *
 * @param role use of the label, for messages: "reward", "toxic"
 * @throws {UserError} listing the labels there are when this is not one of them
 */
export function labelIndex(classifier: TextClassifier, label: string, role: string): number {
  const index = classifier.labels.indexOf(label);
  if (index < 0) {
    throw new UserError(
      `the ${role} label "${label}" is not one of the classifier's labels: ` +
        `${classifier.labels.join(", ")}; choose one of these`,
    );
  }
  return index;
}

/**
 * Classifies texts a batch at a time.
 *
 * @returns raw logits [texts, labels], and the number of texts cut to the classifier's limit
 */
export async function classify(
  classifier: TextClassifier,
  texts: readonly string[],
  batchSize: number = CLASSIFIER_BATCH_SIZE,
): Promise<{ logits: number[][]; truncated: number }> {
  const all: number[][] = [];
  let cut = 0;
  for (let start = 0; start < texts.length; start += batchSize) {
    const batch = texts.slice(start, start + batchSize);
    const { logits, truncated } = await classifier.logits(batch);
    all.push(...logits);
    cut += truncated;
  }
  return { logits: all, truncated: cut };
}

/**
 * Computes the probability of each label from one row of logits: softmax over the labels of which a
 * text has one, the sigmoid of each where it may have several or there is only one. The outputs of a
 * regression are no probabilities and stay as they are. As the `text-classification` pipeline of
 * transformers does, and with it the `toxicity` measurement of evaluate.
 */
export function probabilities(
  { labels, problemType }: Pick<TextClassifier, "labels" | "problemType">,
  logits: readonly number[],
): number[] {
  if (problemType === "regression") return [...logits];
  if (problemType === "multi_label_classification" || labels.length === 1) {
    return logits.map((x) => 1 / (1 + Math.exp(-x)));
  }
  return softmax(logits);
}

/**
 * Computes the softmax of one row of logits; the largest is subtracted first, so that none
 * overflows.
 */
export function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((x) => Math.exp(x - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}
