import type { Device } from "../device/device.ts";
import type { ClassifierAdapter } from "../nn/classifier_adapter.ts";
import type { LinearModule } from "../nn/lora.ts";
import type { ParameterSpec } from "../nn/parameters.ts";
import type { Context } from "../tensor/context.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ProblemType } from "./classifier_config.ts";
import type { CheckpointTensors, WeightStore } from "./weight_store.ts";

/** Classifier of token sequences. */
export interface ClassifierModel {
  /** Device that holds the weights. */
  readonly device: Device;
  /** Names of the labels, in the order of the logits. */
  readonly labels: readonly string[];
  /** Problem that the labels are of; null where config.json does not say. */
  readonly problemType: ProblemType | null;
  /** Maximum number of tokens of a text, special tokens included. */
  readonly maxLength: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Number of weights. */
  readonly parameterCount: number;
  /** Linear layers that an adapter can update: all but the head's. */
  readonly linearModules: readonly LinearModule[];
  /** Ends of the names of those that a new adapter updates by default: PEFT's for this kind of model. */
  readonly defaultTargets: readonly string[];
  /**
   * Computes logits [B, labels] of token sequences of at most `maxLength` tokens.
   *
   * @param adapter updates of the linear layers, and the head in place of the model's own
   * @throws {UserError} when a token is not in the vocabulary, or a text has none or too many
   */
  logits(
    cx: Context,
    sequences: readonly (readonly number[])[],
    adapter?: ClassifierAdapter | null,
  ): Tensor;
}

/** A classifier whose config.json was checked. */
export interface ConfiguredClassifier {
  /** Tensors of the head, in the checkpoint: those of PEFT's modules_to_save. */
  readonly head: readonly ParameterSpec[];
  /** Standard deviation of a new head's weights, as transformers begins it; its biases are zero. */
  readonly headStd: number;
  /**
   * Prepares a builder.
   *
   * @param weights tensors of the checkpoint
   * @throws {UserError} when they are another model's
   */
  configure(weights: CheckpointTensors): ClassifierBuilder;
}

/** Builds a classifier from its weights. */
export type ClassifierBuilder = (device: Device, store: WeightStore) => ClassifierModel;
