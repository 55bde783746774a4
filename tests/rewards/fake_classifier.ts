import type { TextClassifier } from "../../lib/rewards/text_classifier.ts";

/**
 * A classifier to test with: its "nothate" logit is 2 for polite texts and -3 for those with
 * "stupid" in them, "hate" the opposite. It reads 40 characters and remembers its batches.
 */
export class FakeClassifier implements TextClassifier {
  readonly labels: string[] = ["nothate", "hate"];
  readonly maxLength = 40;
  readonly batches: string[][] = [];

  // deno-lint-ignore require-await
  async logits(texts: readonly string[]): Promise<{ logits: number[][]; truncated: number }> {
    this.batches.push([...texts]);
    return {
      logits: texts.map((text) => text.includes("stupid") ? [-3, 3] : [2, -2]),
      truncated: texts.filter((text) => text.length > this.maxLength).length,
    };
  }
}
