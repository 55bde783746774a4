import type { Device } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import type { Context } from "../../tensor/context.ts";
import type { ClassifierAdapter } from "../../nn/classifier_adapter.ts";
import type { LinearModule } from "../../nn/lora.ts";
import { embedding } from "../../tensor/ops/embedding.ts";
import { linear } from "../../tensor/ops/linear.ts";
import { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  checkHead,
  initializerRange,
  labelsOf,
  positionCount,
  type ProblemType,
  problemTypeOf,
} from "../classifier_config.ts";
import type {
  ClassifierBuilder,
  ClassifierModel,
  ConfiguredClassifier,
} from "../classifier_model.ts";
import { checkTokens } from "../language_model.ts";
import type { CheckpointTensors, WeightStore } from "../weight_store.ts";
import { checkDecoderTensors, followDecoderWeights } from "./checkpoint.ts";
import type { DecoderConfig } from "./config.ts";
import { DecoderForCausalLM } from "./decoder.ts";
import { parseDecoderConfig } from "./families.ts";
import { CLASSIFIER_HEAD } from "./weights.ts";

/** Labels of a classifier, and the texts that it reads. */
interface ClassifierSettings {
  readonly labels: readonly string[];
  readonly problemType: ProblemType | null;
  /** Maximum number of tokens of a text. */
  readonly maxLength: number;
}

/**
 * `LlamaForSequenceClassification` and its like of every decoder-only family, named and computed as in
 * transformers: a linear layer without bias on the hidden state of one token, the last whose id is not
 * that of the padding token.
 */
export class DecoderClassifier implements ClassifierModel {
  readonly labels: readonly string[];
  readonly problemType: ProblemType | null;
  readonly maxLength: number;
  readonly #model: DecoderForCausalLM;

  /** Builds the model from weights under their names in the checkpoint. */
  constructor(
    readonly device: Device,
    config: DecoderConfig,
    { labels, problemType, maxLength }: ClassifierSettings,
    store: WeightStore,
  ) {
    this.labels = labels;
    this.problemType = problemType;
    this.maxLength = maxLength;
    this.#model = new DecoderForCausalLM(device, config, store, labels.length);
  }

  get hiddenSize(): number {
    return this.#model.hiddenSize;
  }

  get parameterCount(): number {
    return this.#model.parameterCount;
  }

  get linearModules(): readonly LinearModule[] {
    return this.#model.linearModules;
  }

  get defaultTargets(): readonly string[] {
    return this.#model.defaultTargets;
  }

  logits(
    cx: Context,
    sequences: readonly (readonly number[])[],
    adapter: ClassifierAdapter | null = null,
  ): Tensor {
    const { maxLength } = this;
    for (const ids of sequences) {
      if (ids.length === 0 || ids.length > maxLength) {
        throw new UserError(
          `a text has ${ids.length} tokens, the classifier reads 1 to ${maxLength}`,
        );
      }
      checkTokens(this.#model, ids, "a text");
    }
    // Tokens behind the one that is scored change nothing.
    const inputs = Packed.create(cx, sequences.map((ids) => ids.slice(0, this.#scored(ids) + 1)));
    const hidden = this.#model.encode(cx, inputs, adapter?.lora ?? null);
    const scored = embedding(cx, hidden, cx.from(inputs.lastRows));
    const head = adapter?.head("score");
    return head ? linear(cx, scored, head.weight) : this.#model.logits(cx, scored);
  }

  /** Place of the token that is scored: of a text of padding tokens alone, the first. */
  #scored(ids: readonly number[]): number {
    const { padTokenId } = this.#model.config;
    return Math.max(0, ids.findLastIndex((id) => id !== padTokenId));
  }
}

/**
 * Checks the config.json of a classifier on a decoder-only model.
 *
 * @param path path of the file, for messages
 * @throws {UserError} when a key is missing, or its value is not supported
 */
export function configureDecoderClassifier(json: JsonObject, path: string): ConfiguredClassifier {
  const parsed = parseDecoderConfig(json, path);
  const settings = {
    labels: labelsOf(json, path),
    problemType: problemTypeOf(json, path),
    maxLength: parsed.positions ?? positionCount(json, path),
  };
  const configure = (weights: CheckpointTensors): ClassifierBuilder => {
    checkHead(weights, CLASSIFIER_HEAD, path);
    const config = followDecoderWeights(parsed, weights);
    checkDecoderTensors(config, weights, path, settings.labels.length);
    return (device, store) => new DecoderClassifier(device, config, settings, store);
  };
  const shape = [settings.labels.length, parsed.hiddenSize];
  return {
    head: [{ name: CLASSIFIER_HEAD, shape }],
    headStd: initializerRange(json, path),
    configure,
  };
}
