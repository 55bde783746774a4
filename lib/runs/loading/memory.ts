import type { Device } from "../../device/device.ts";
import { OutOfMemoryError } from "../../errors.ts";
import type { BatchShape } from "../../models/language_model.ts";
import { memorySize } from "../../models/outline.ts";
import type { TrainableClassifier } from "../../models/trainable_classifier.ts";
import type { Policy } from "../../models/policy.ts";

/** Settings that the memory of a step depends on, beside its shape. */
export interface MemoryOptions {
  /** True with a frozen copy of the adapter as the reference. */
  readonly frozenReference: boolean;
  /** Maximum activations kept for a backward pass, in MiB; null for no limit. */
  readonly activationMemory: number | null;
}

/** Sizes that the memory of a PPO step depends on. */
export interface StepShape extends MemoryOptions {
  /** Number of tokens of each prompt of a batch. */
  readonly promptTokens: readonly number[];
  /** Maximum number of tokens of a response. */
  readonly newTokens: number;
  /** Number of rollouts of one forward and backward pass. */
  readonly miniBatchSize: number;
}

/** Bytes that a step of training takes at least. */
export interface MemoryEstimate {
  /** The optimizer's moments and the reference, which live as long as the trainer. */
  readonly training: number;
  /** Keys and values of a batch that is being generated; null where a step generates nothing. */
  readonly cache: number | null;
  /** Activations that a minibatch's forward pass keeps for its backward pass. */
  readonly activations: number;
}

/** Estimates the memory of a PPO step on top of the loaded policy; everything is f32. */
export function estimateStepMemory(policy: Policy, shape: StepShape): MemoryEstimate {
  const { promptTokens, newTokens, miniBatchSize, frozenReference } = shape;
  const batch = { promptTokens, newTokens, passRows: miniBatchSize };
  return {
    ...estimateAdapterMemory(policy, batch, shape),
    training: 4 * policy.parameters.count * (frozenReference ? 3 : 2),
  };
}

/** Estimates the memory of a step that trains an adapter on top of the loaded model. */
export function estimateAdapterMemory(
  { model, adapter }: Pick<Policy, "model" | "adapter">,
  shape: BatchShape,
  { frozenReference, activationMemory }: MemoryOptions,
): MemoryEstimate {
  const { cache, activations } = model.estimateMemory(shape, adapter.maxRank);
  return {
    training: 4 * adapter.parameters.count * (frozenReference ? 3 : 2),
    cache,
    activations: Math.min(activations, (activationMemory ?? Infinity) * 2 ** 20),
  };
}

/**
 * Estimates the memory of a step that trains a reward model on top of the loaded one. A pass keeps at
 * least the hidden states before each trained layer, however few activations it is allowed.
 *
 * @param tokens number of tokens of one pass
 */
export function estimateRewardMemory(
  { model, parameters }: Pick<TrainableClassifier, "model" | "parameters">,
  tokens: number,
): MemoryEstimate {
  const layers = new Set(parameters.names.map((name) => /\.\d+\./.exec(name)?.[0]));
  layers.delete(undefined);
  return {
    training: 4 * parameters.count * 2,
    cache: null,
    activations: 4 * tokens * model.hiddenSize * layers.size,
  };
}

/**
 * Compares a step's memory with the device's.
 *
 * @returns one line for people
 * @throws {OutOfMemoryError} when it cannot fit
 */
export function checkStepMemory(device: Device, estimate: MemoryEstimate): string {
  const { used } = device.memory;
  const { training, cache, activations } = estimate;
  const needed = used + training + Math.max(cache ?? 0, activations);
  const parts = [
    `${memorySize(used)} loaded`,
    ...(cache === null ? [`${memorySize(training)} for the optimizer`] : [
      `${memorySize(training)} for the optimizer and the reference`,
      `${memorySize(cache)} to generate`,
    ]),
    `${memorySize(activations)} of activations`,
  ].join(", ");
  const limit = device.memoryLimit;
  if (limit !== null && needed > limit) {
    throw new OutOfMemoryError(
      `training needs at least ${memorySize(needed)} (${parts}), the device has ${
        memorySize(limit)
      }: ${memorySize(needed - limit)} are missing`,
      { needed, available: limit },
    );
  }
  return `memory: at least ${memorySize(needed)} (${parts})`;
}
