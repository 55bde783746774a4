import type { BatchShape, ModelMemory } from "../language_model.ts";
import type { DecoderConfig } from "./config.ts";

/** Bytes of f32 activations and caches that a decoder-only model takes at least for a batch. */
export function estimateDecoderMemory(
  { hiddenSize, innerSize, heads, keyHeads, headSize, layers, names }: DecoderConfig,
  { promptTokens, responsesPerPrompt = 1, newTokens, passRows }: BatchShape,
  loraRank: number,
): ModelMemory {
  const keys = keyHeads * headSize;
  const prompts = promptTokens.toSorted((a, b) => b - a);
  const responses = prompts.length * responsesPerPrompt;
  // A window's layer need not keep more of a prompt or a response than the window.
  const kept = layers.map(({ window }) => {
    const most = window ?? Infinity;
    return sum(prompts.map((length) => Math.min(length, most))) +
      responses * Math.min(newTokens, most);
  });
  const cache = 4 * 2 * keys * sum(kept);

  // A layer keeps of each token: the sums after the attention and the feed-forward layer; the rank's
  // inputs; q, k, v and the attention's output; the inputs of the activation.
  const attention = hiddenSize + 2 * heads * headSize + 2 * keys + loraRank;
  const feedForward = hiddenSize + (names.gate === null ? 1 : 2) * innerSize;
  const ofPass = prompts.slice(0, Math.ceil(passRows / responsesPerPrompt));
  const read = sum(ofPass) + Math.min(passRows, responses) * newTokens;
  // Outside of the layers: the embedding, and the last norm's output.
  const activations = 4 * read * (layers.length * (attention + feedForward) + 2 * hiddenSize);
  return { cache, activations };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
