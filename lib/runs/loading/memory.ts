import type { Device } from "../../device/device.ts";
import { OutOfMemoryError } from "../../errors.ts";
import type { Policy } from "../../models/policy.ts";

/** What the memory of a PPO step depends on. */
export interface StepShape {
  /** Tokens of each prompt of a batch. */
  readonly promptTokens: readonly number[];
  /** Most tokens of a response. */
  readonly newTokens: number;
  /** Rollouts of one forward and backward pass. */
  readonly miniBatchSize: number;
  /** Whether there is a frozen copy of the adapter. */
  readonly frozenReference: boolean;
  /** Most bytes of activations kept for a backward pass; null for no limit. */
  readonly activationBytes: number | null;
}

/** Bytes that a PPO step takes at least. */
export interface MemoryEstimate {
  /** The optimizer's moments and the reference, which live as long as the trainer. */
  readonly training: number;
  /** Keys and values of a batch that is being generated. */
  readonly cache: number;
  /** What a minibatch's forward pass keeps for its backward pass. */
  readonly activations: number;
}

/** Estimates what a PPO step takes on top of the loaded policy; everything is f32. */
export function estimateStepMemory(
  { model, adapter, parameters }: Policy,
  { promptTokens, newTokens, miniBatchSize, frozenReference, activationBytes }: StepShape,
): MemoryEstimate {
  const { dModel, dFf, dKv, numHeads, numLayers, numDecoderLayers, feedForwardProj } = model.config;
  const inner = numHeads * dKv;
  const training = 4 * parameters.count * (frozenReference ? 3 : 2);
  const prompts = promptTokens.toSorted((a, b) => b - a);
  const inBatch = sum(prompts) + prompts.length * newTokens;
  const cache = 4 * numDecoderLayers * 2 * inner * inBatch;

  // Of a token in a layer: the sum after a sublayer; the rank's input; q, k, v and o; what goes into
  // the feed-forward's activation.
  const attention = dModel + 4 * inner + adapter.config.r;
  const feedForward = dModel + (feedForwardProj === "gated-gelu" ? 2 : 1) * dFf;
  const encoded = sum(prompts.slice(0, miniBatchSize));
  const decoded = Math.min(miniBatchSize, prompts.length) * newTokens;
  const encoder = numLayers * (attention + feedForward);
  const decoder = numDecoderLayers * (2 * attention - 2 * inner + feedForward);
  const crossKeys = numDecoderLayers * 2 * inner;
  // Outside of the layers: the embedding, and the last norm's output.
  const ends = 2 * dModel;
  const kept = 4 * (encoded * (encoder + crossKeys + ends) + decoded * (decoder + ends));
  return { training, cache, activations: Math.min(kept, activationBytes ?? Infinity) };
}

/**
 * Compares what a step takes with what the device has left.
 *
 * @returns one line for people
 * @throws {OutOfMemoryError} when it cannot fit
 */
export function checkStepMemory(device: Device, estimate: MemoryEstimate): string {
  const { used } = device.memory;
  const { training, cache, activations } = estimate;
  const needed = used + training + Math.max(cache, activations);
  const parts = `${gib(used)} loaded, ${gib(training)} for the optimizer and the reference, ` +
    `${gib(cache)} to generate, ${gib(activations)} of activations`;
  const limit = device.memoryLimit;
  if (limit !== null && needed > limit) {
    throw new OutOfMemoryError(
      `training needs at least ${gib(needed)} (${parts}), the device has ${gib(limit)}`,
      { needed, available: limit },
    );
  }
  return `memory: at least ${gib(needed)} (${parts})`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function gib(bytes: number): string {
  const mib = bytes / 2 ** 20;
  return mib < 1000 ? `${Math.ceil(mib)} MiB` : `${(mib / 1024).toFixed(2)} GiB`;
}
