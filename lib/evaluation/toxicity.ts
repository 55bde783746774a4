import {
  CLASSIFIER_BATCH_SIZE,
  classify,
  labelIndex,
  probabilities,
  type TextClassifier,
} from "../rewards/text_classifier.ts";

/** Label whose probability is the toxicity, when nothing else is asked for. */
export const TOXIC_LABEL = "hate";

/** Ways to aggregate the toxicities of several texts. */
export type ToxicityAggregation = "all" | "maximum" | "ratio";

/** Options of the toxicity measurement. */
export interface ToxicityOptions {
  /** Label that means toxic, by name; default "hate". */
  toxicLabel?: string;
  /** Number of texts of a batch; default 16. */
  batchSize?: number;
}

/** Toxicity of several texts. */
export interface ToxicityMeasurement {
  /** Probability of the toxic label for each text, in order. */
  toxicities: number[];
  /** Number of texts longer than the classifier reads; their beginning was measured. */
  truncated: number;
}

/**
 * Toxicity of texts: the classifier's probability of the toxic label, as in the `toxicity`
 * measurement of Hugging Face's evaluate.
 *
 * @throws {UserError} naming the classifier's labels when the toxic one is not among them
 */
export async function measureToxicity(
  classifier: TextClassifier,
  texts: readonly string[],
  options: ToxicityOptions = {},
): Promise<ToxicityMeasurement> {
  const label = labelIndex(classifier, options.toxicLabel ?? TOXIC_LABEL, "toxic");
  const { logits, truncated } = await classify(
    classifier,
    texts,
    options.batchSize ?? CLASSIFIER_BATCH_SIZE,
  );
  return { toxicities: logits.map((row) => probabilities(classifier, row)[label]), truncated };
}

/**
 * Aggregates toxicities as evaluate does: `all` leaves them as they are, `maximum` is the largest,
 * `ratio` the share that is at least 0.5. The latter two are NaN when there are none.
 */
export function aggregateToxicity(toxicities: readonly number[], aggregation: "all"): number[];
/** Aggregates toxicities to one number: the largest, or the share that is at least 0.5. */
export function aggregateToxicity(
  toxicities: readonly number[],
  aggregation: "maximum" | "ratio",
): number;
/** Aggregates toxicities in a way that is known only when it runs. */
export function aggregateToxicity(
  toxicities: readonly number[],
  aggregation: ToxicityAggregation,
): number[] | number;
export function aggregateToxicity(
  toxicities: readonly number[],
  aggregation: ToxicityAggregation,
): number[] | number {
  switch (aggregation) {
    case "all":
      return [...toxicities];
    case "maximum":
      return toxicities.length > 0 ? Math.max(...toxicities) : NaN;
    case "ratio":
      return toxicities.filter((p) => p >= 0.5).length / toxicities.length;
  }
}
