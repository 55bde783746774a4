import type { LanguageModel } from "../models/language_model.ts";
import type { LoraAdapter } from "../nn/lora.ts";
import { Context } from "../tensor/context.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A prompt and its answer, as tokens. */
export interface SupervisedExample {
  /** Prompt, as the tokenizer makes it. */
  readonly inputIds: readonly number[];
  /** Answer, with the end token. */
  readonly labels: readonly number[];
}

/** A model with an adapter of its linear layers. */
export interface SupervisedModel {
  /** The base model. */
  readonly model: LanguageModel;
  /** Null where the model itself is trained. */
  readonly adapter: LoraAdapter | null;
}

/**
 * Log-probability (nats) of every label of a batch, packed, [M]: the model reads the labels shifted
 * right, behind the first input. Differentiable.
 */
export function labelLogprobs(
  cx: Context,
  { model, adapter }: SupervisedModel,
  examples: readonly SupervisedExample[],
): Tensor {
  const prompts = examples.map(({ inputIds }) => inputIds);
  const shifted = examples.map(({ inputIds, labels }) => [
    model.firstInput(inputIds),
    ...labels.slice(0, -1),
  ]);
  const targets = cx.from(Int32Array.from(examples.flatMap(({ labels }) => labels)));
  const memory = model.prefill(cx, prompts, adapter, "pass");
  const hidden = model.forward(cx, Packed.create(cx, shifted), memory, adapter);
  return model.logprobs(cx, hidden, targets).logprobs;
}

/** Tokens of a pass without gradients: enough for the kernels, few enough for memory. */
const EVALUATION_TOKENS = 4096;

/** The loss of examples: the mean of -log p over all their labels, in nats; NaN for no examples. */
export async function evaluateLoss(
  trained: SupervisedModel,
  examples: readonly SupervisedExample[],
): Promise<number> {
  let sum = 0;
  for (const chunk of chunks(examples, EVALUATION_TOKENS)) {
    const cx = new Context(trained.model.device);
    try {
      for (const logprob of await labelLogprobs(cx, trained, chunk).read()) sum -= logprob;
    } finally {
      cx.release();
    }
  }
  return sum / countLabels(examples);
}

/** Labels of all examples together. */
export function countLabels(examples: readonly SupervisedExample[]): number {
  return examples.reduce((count, { labels }) => count + labels.length, 0);
}

/** Consecutive examples of at least so many tokens together, but for the last. */
function* chunks(
  examples: readonly SupervisedExample[],
  minimum: number,
): Generator<SupervisedExample[]> {
  let chunk: SupervisedExample[] = [];
  let tokens = 0;
  for (const example of examples) {
    chunk.push(example);
    tokens += example.inputIds.length + example.labels.length;
    if (tokens < minimum) continue;
    yield chunk;
    [chunk, tokens] = [[], 0];
  }
  if (chunk.length > 0) yield chunk;
}
