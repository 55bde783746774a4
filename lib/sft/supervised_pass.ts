import type { LanguageModel } from "../models/language_model.ts";
import type { TokenModel } from "../training/token_model.ts";
import { predict } from "../training/token_pass.ts";
import type { TokenRow } from "../training/token_rows.ts";

/** A prompt and the answer that the model is to give, as tokens. */
export interface SupervisedExample {
  /** Tokens of the prompt, for T5 with `</s>` at the end. */
  readonly inputIds: readonly number[];
  /** Tokens of the answer, with the end token. */
  readonly labels: readonly number[];
}

/** An example as a row of a pass, in which every label counts: each is predicted from those before it. */
export function supervisedRow(
  model: LanguageModel,
  { inputIds, labels }: SupervisedExample,
): TokenRow {
  const inputs = [model.firstInput(inputIds), ...labels.slice(0, -1)];
  return { query: inputIds, inputs, targets: labels, firstCounted: 0 };
}

/** Loss of examples: the mean of -log p over all their labels, in nats; NaN for no examples. */
export async function evaluateLoss(
  subject: Pick<TokenModel, "model" | "adapter">,
  examples: readonly SupervisedExample[],
): Promise<number> {
  const { model, adapter } = subject;
  const rows = examples.map((example) => supervisedRow(model, example));
  let sum = 0;
  for (const { logprobs } of await predict({ model, adapter }, rows)) {
    for (const logprob of logprobs) sum -= logprob;
  }
  return sum / countLabels(examples);
}

/** Labels of all examples together. */
export function countLabels(examples: readonly SupervisedExample[]): number {
  return examples.reduce((count, { labels }) => count + labels.length, 0);
}
