import type { TokenModel } from "../training/token_model.ts";
import { predict } from "../training/token_pass.ts";
import { responseRow } from "../training/token_rows.ts";

/** A prompt and the answer that the model is to give, as tokens. */
export interface SupervisedExample {
  /** Tokens of the prompt, for T5 with `</s>` at the end. */
  readonly inputIds: readonly number[];
  /** Tokens of the answer, with the end token. */
  readonly labels: readonly number[];
}

/** Loss of examples: the mean of -log p over all their labels, in nats; NaN for no examples. */
export async function evaluateLoss(
  subject: Pick<TokenModel, "model" | "adapter">,
  examples: readonly SupervisedExample[],
): Promise<number> {
  const { model, adapter } = subject;
  const rows = examples.map((example) => responseRow(model, example.inputIds, example.labels));
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
