import { aggregateToxicity } from "../../evaluation/toxicity.ts";
import type { DownloadHooks } from "../../hub/download.ts";
import { classify, labelIndex, probabilities } from "../../rewards/text_classifier.ts";
import { loadClassifier } from "../loading/classifiers.ts";
import { openRunDevice, type RunDeviceOptions } from "../loading/device.ts";

/** Label of toxic texts by default: that of the demo's classifier and of the notebook's. */
const TOXIC_LABEL = "hate";

/** Scores of a text. */
export interface TextScore {
  /** Text. */
  text: string;
  /** Raw logits, by label. */
  logits: Record<string, number>;
  /** Their probabilities, by label: the logits themselves where the classifier does regression. */
  probabilities: Record<string, number>;
  /** Probability of the toxic label; null where the classifier has none. */
  toxicity: number | null;
}

/** Scores of several texts. */
export interface Scores {
  /** In the order in which they were given. */
  texts: TextScore[];
  /** Largest toxicity; null where the classifier has no toxic label. */
  maximum: number | null;
  /** Share of texts with a toxicity of at least 0.5; null where the classifier has no toxic label. */
  ratio: number | null;
  /** Texts that were longer than the classifier reads and were cut to score them. */
  truncated: number;
}

/**
 * Scores texts with a classifier.
 *
 * @param name of the classifier, as a reward names it
 * @param toxicLabel its label that means toxic; null for "hate", where it has that
 * @throws {UserError} when the classifier does not load or has no such label
 */
export async function scoreTexts(
  name: string,
  texts: readonly string[],
  toxicLabel: string | null,
  options: RunDeviceOptions = {},
  hooks: DownloadHooks = {},
): Promise<Scores> {
  const device = await openRunDevice(options);
  try {
    const classifier = await loadClassifier(device, name, hooks);
    const isPlain = toxicLabel === null && !classifier.labels.includes(TOXIC_LABEL);
    const toxic = isPlain ? null : labelIndex(classifier, toxicLabel ?? TOXIC_LABEL, "toxic");
    const { logits, truncated } = await classify(classifier, texts);
    const byLabel = (values: readonly number[]) =>
      Object.fromEntries(classifier.labels.map((label, index) => [label, values[index]]));
    const scored = texts.map((text, index) => {
      const values = probabilities(classifier, logits[index]);
      return {
        text,
        logits: byLabel(logits[index]),
        probabilities: byLabel(values),
        toxicity: toxic === null ? null : values[toxic],
      };
    });
    const toxicities = scored.map(({ toxicity }) => toxicity).filter((value) => value !== null);
    const aggregate = (how: "maximum" | "ratio") =>
      toxic === null ? null : aggregateToxicity(toxicities, how);
    return {
      texts: scored,
      maximum: aggregate("maximum"),
      ratio: aggregate("ratio"),
      truncated,
    };
  } finally {
    device.close();
  }
}
