import type { BatchShape, ModelMemory } from "../language_model.ts";
import type { T5Config } from "./config.ts";

/** Bytes of f32 activations and caches that a T5 model takes at least for a batch. */
export function estimateT5Memory(
  { dModel, dFf, dKv, numHeads, numLayers, numDecoderLayers, gated }: T5Config,
  { promptTokens, responsesPerPrompt = 1, newTokens, passRows }: BatchShape,
  loraRank: number,
): ModelMemory {
  const inner = numHeads * dKv;
  const prompts = promptTokens.toSorted((a, b) => b - a);
  const responses = prompts.length * responsesPerPrompt;
  const inBatch = sum(prompts) + responses * newTokens;
  const cache = 4 * numDecoderLayers * 2 * inner * inBatch;

  // A layer keeps of each token: the sum after a sublayer; the rank's input; q, k, v and o; the
  // input of the feed-forward's activation.
  const attention = dModel + 4 * inner + loraRank;
  const feedForward = dModel + (gated ? 2 : 1) * dFf;
  const encoded = sum(prompts.slice(0, Math.ceil(passRows / responsesPerPrompt)));
  const decoded = Math.min(passRows, responses) * newTokens;
  const encoder = numLayers * (attention + feedForward);
  const decoder = numDecoderLayers * (2 * attention - 2 * inner + feedForward);
  const crossKeys = numDecoderLayers * 2 * inner;
  // Outside of the layers: the embedding, and the last norm's output.
  const ends = 2 * dModel;
  const activations = 4 * (encoded * (encoder + crossKeys + ends) + decoded * (decoder + ends));
  return { cache, activations };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
