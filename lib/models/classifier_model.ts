import type { Device } from "../device/device.ts";
import type { Context } from "../tensor/context.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ProblemType } from "./classifier_config.ts";
import type { CheckpointTensors, WeightStore } from "./weight_store.ts";

/** Classifier of token sequences. */
export interface ClassifierModel {
  /** Names of the labels, in the order of the logits. */
  readonly labels: readonly string[];
  /** Problem that the labels are of; null where config.json does not say. */
  readonly problemType: ProblemType | null;
  /** Maximum number of tokens of a text, special tokens included. */
  readonly maxLength: number;
  /**
   * Computes logits [B, labels] of token sequences of at most `maxLength` tokens.
   *
   * @throws {UserError} when a token is not in the vocabulary, or a text has none or too many
   */
  logits(cx: Context, sequences: readonly (readonly number[])[]): Tensor;
}

/**
 * Prepares the builder of a classifier whose config.json was checked.
 *
 * @param weights tensors of the checkpoint
 */
export type ClassifierConfigurer = (weights: CheckpointTensors) => ClassifierBuilder;

/** Builds a classifier from its weights. */
export type ClassifierBuilder = (device: Device, store: WeightStore) => ClassifierModel;
