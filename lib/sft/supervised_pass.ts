import type { TokenModel } from "../training/token_model.ts";
import { predict } from "../training/token_pass.ts";
import {
  countedPositions,
  type PositionRange,
  responseRow,
  type TokenRow,
} from "../training/token_rows.ts";

/** A prompt and the answer that the model is to give, as tokens. */
export interface SupervisedExample {
  /** Tokens of the prompt, for T5 with `</s>` at the end. */
  readonly inputIds: readonly number[];
  /** Tokens of the answer, with the end token. */
  readonly labels: readonly number[];
  /** Those of the labels that are learnt, the others are only read. Default all. */
  readonly counted?: readonly PositionRange[];
}

/** Lays an example out for a pass. */
export function supervisedRow(
  model: TokenModel["model"],
  { inputIds, labels, counted }: SupervisedExample,
): TokenRow {
  return responseRow(model, inputIds, labels, counted);
}

/** Loss of examples: the mean of -log p over all labels that count, in nats; NaN for no examples. */
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

/** Labels of all examples together that count in the loss. */
export function countLabels(examples: readonly SupervisedExample[]): number {
  return examples.reduce(
    (sum, { labels, counted = [[0, labels.length]] }) => sum + countedPositions({ counted }),
    0,
  );
}
