import type { Device } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import type { ModelFiles } from "../../formats/model_files.ts";
import type { TaskType } from "../../formats/peft.ts";
import type { Context } from "../../tensor/context.ts";
import { scale } from "../../tensor/ops/elementwise.ts";
import { linear } from "../../tensor/ops/linear.ts";
import { lmHead, type TokenLogprobs } from "../../tensor/ops/lm_head.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { WeightMatrix } from "../../tensor/weight.ts";
import { loadModel, type LoadOptions, type ModelFamily } from "../family.ts";
import type { BatchShape, LanguageModel, ModelMemory } from "../language_model.ts";
import type { WeightStore } from "../weight_store.ts";
import {
  CLASSIFIER_EMBEDDING,
  followT5Weights,
  hasClassifierNames,
  t5Layout,
} from "./checkpoint.ts";
import { parseT5Config, type T5Config } from "./config.ts";
import { estimateT5Memory } from "./memory.ts";
import { T5Model } from "./model.ts";

/** T5, T5 v1.1 and FLAN-T5 (Raffel et al. 2020), named and computed as in transformers. */
export class T5ForConditionalGeneration extends T5Model implements LanguageModel {
  readonly modelType: string = "t5";
  readonly taskType: TaskType = "SEQ_2_SEQ_LM";
  readonly maxPositions: number | null = null;
  readonly trainedLength: number | null = null;
  readonly #head: WeightMatrix;

  /** Builds the model from weights under their names in the checkpoint. */
  constructor(device: Device, config: T5Config, store: WeightStore) {
    super(device, config, store);
    const { tieWordEmbeddings: tied, embedding, vocabSize, dModel } = config;
    this.#head = store.matrix(tied ? embedding : "lm_head.weight", vocabSize, dModel);
  }

  /**
   * Loads config.json and the weights (safetensors, or PyTorch's .bin); the weights are frozen.
   *
   * @param source a folder's path, or files
   * @throws {UserError} when a file is missing, broken, or not a T5 model
   */
  static load(
    device: Device,
    source: string | ModelFiles,
    options: LoadOptions = {},
  ): Promise<T5ForConditionalGeneration> {
    return loadModel(device, source, options, () => t5Family);
  }

  get eosTokenIds(): readonly number[] {
    return this.config.eosTokenIds;
  }

  /** Number of weights; tied ones count once. */
  override get parameterCount(): number {
    const { tieWordEmbeddings, vocabSize, dModel } = this.config;
    return super.parameterCount + (tieWordEmbeddings ? 0 : vocabSize * dModel);
  }

  /** The decoder's start token, whatever the prompt. */
  firstInput(_prompt: readonly number[]): number {
    return this.config.decoderStartTokenId;
  }

  logits(cx: Context, hidden: Tensor): Tensor {
    return linear(cx, this.#headInput(cx, hidden), this.#head);
  }

  logprobs(cx: Context, hidden: Tensor, targets: Tensor): TokenLogprobs {
    return lmHead(cx, this.#headInput(cx, hidden), this.#head, targets);
  }

  estimateMemory(shape: BatchShape, loraRank: number): ModelMemory {
    return estimateT5Memory(this.config, shape, loraRank);
  }

  #headInput(cx: Context, hidden: Tensor): Tensor {
    // v1.0 scales here because its embedding, which is the head too, is not scaled (transformers' T5).
    return this.config.scaleDecoderOutputs ? scale(cx, hidden, this.config.dModel ** -0.5) : hidden;
  }
}

/** Models whose config.json has the `model_type` "t5". */
export const t5Family: ModelFamily<T5ForConditionalGeneration> = {
  modelType: "t5",
  configure(json, path, weights) {
    const parsed = parseT5Config(json, path);
    if (weights && hasClassifierNames(weights)) {
      throw new UserError(
        `${path}: the weights are those of a classifier ("${CLASSIFIER_EMBEDDING}"), which generates no text`,
      );
    }
    const config = weights ? followT5Weights(parsed, json, weights, path) : parsed;
    return (device, store) => new T5ForConditionalGeneration(device, config, store);
  },
  layout: (json, path, weights) =>
    t5Layout(followT5Weights(parseT5Config(json, path), json, weights, path), weights),
};
