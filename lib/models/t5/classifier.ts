import type { Device } from "../../device/device.ts";
import { UserError } from "../../errors.ts";
import type { JsonObject } from "../../formats/hf_config.ts";
import type { ClassifierAdapter, DenseLayer } from "../../nn/classifier_adapter.ts";
import type { LinearModule } from "../../nn/lora.ts";
import { z } from "../../packages/zod.ts";
import type { Context } from "../../tensor/context.ts";
import { activation } from "../../tensor/ops/activation.ts";
import { applyDropout } from "../../tensor/ops/dropout.ts";
import { embedding } from "../../tensor/ops/embedding.ts";
import { linear } from "../../tensor/ops/linear.ts";
import { Packed } from "../../tensor/packed.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { checkHead, labelsOf, type ProblemType, problemTypeOf } from "../classifier_config.ts";
import type { ClassifierModel, ConfiguredClassifier } from "../classifier_model.ts";
import { dropoutSchema, parseKeys } from "../config_schema.ts";
import { checkTokens } from "../language_model.ts";
import type { WeightStore } from "../weight_store.ts";
import { CLASSIFIER_BASE, CLASSIFIER_EMBEDDING, CLASSIFIER_HEAD } from "./checkpoint.ts";
import { parseT5Config, type T5Config } from "./config.ts";
import { T5Model } from "./model.ts";

/** Value of `model_type` of a classifier on T5. */
export const T5_TYPE = "t5";

const DENSE = `${CLASSIFIER_HEAD}dense`;
const LOGITS = `${CLASSIFIER_HEAD}out_proj`;

/** Keys of config.json for the head alone; defaults are those of transformers' T5Config. */
const headSchema = z.object({
  classifier_dropout: dropoutSchema.nullish(),
  initializer_factor: z.number().nonnegative().nullish(),
});

/** Labels of a classifier, and its head's dropout. */
interface ClassifierSettings {
  readonly labels: readonly string[];
  readonly problemType: ProblemType | null;
  /** Probability of dropout in the head, in passes that have it on. */
  readonly dropoutRate: number;
}

/**
 * `T5ForSequenceClassification`, named and computed as in transformers: the encoder reads a text, and the
 * decoder the same text behind its start token; the head is two layers with tanh between them on the
 * decoder's hidden state at the place of the text's last end token, as in BART (Lewis et al. 2020).
 */
export class T5Classifier implements ClassifierModel {
  readonly labels: readonly string[];
  readonly problemType: ProblemType | null;
  /** T5 has no absolute positions. */
  readonly maxLength: number = Infinity;
  readonly #model: T5Model;
  readonly #dense: DenseLayer;
  readonly #logits: DenseLayer;
  readonly #dropoutRate: number;

  /** Builds the model from weights under their names in the checkpoint. */
  constructor(
    readonly device: Device,
    config: T5Config,
    { labels, problemType, dropoutRate }: ClassifierSettings,
    store: WeightStore,
  ) {
    this.labels = labels;
    this.problemType = problemType;
    this.#dropoutRate = dropoutRate;
    const own = { ...config, embedding: CLASSIFIER_EMBEDDING };
    this.#model = new T5Model(device, own, store, CLASSIFIER_BASE);
    const dense = (name: string, rows: number) => ({
      weight: store.matrix(`${name}.weight`, rows, config.dModel),
      bias: store.tensor(`${name}.bias`, [rows]),
    });
    this.#dense = dense(DENSE, config.dModel);
    this.#logits = dense(LOGITS, labels.length);
  }

  get hiddenSize(): number {
    return this.#model.config.dModel;
  }

  get parameterCount(): number {
    const { hiddenSize, parameterCount } = this.#model;
    return parameterCount + (hiddenSize + 1) * (hiddenSize + this.labels.length);
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
    const { decoderStartTokenId } = this.#model.config;
    // What the decoder reads after the end token changes nothing.
    const decoded = Packed.create(
      cx,
      sequences.map((ids) => [decoderStartTokenId, ...ids.slice(0, this.#scored(ids))]),
    );
    const lora = adapter?.lora ?? null;
    const memory = this.#model.prefill(cx, sequences, lora, "pass");
    const hidden = this.#model.forward(cx, decoded, memory, lora);
    const affine = (x: Tensor, name: string, layer: DenseLayer) => {
      const { weight, bias } = adapter?.head(name) ?? layer;
      return linear(cx, applyDropout(cx, x, this.#dropoutRate), weight, { bias });
    };
    const dense = affine(embedding(cx, hidden, cx.from(decoded.lastRows)), DENSE, this.#dense);
    return affine(activation(cx, dense, "tanh"), LOGITS, this.#logits);
  }

  /** Place of a text's last end token. @throws {UserError} when it has none */
  #scored(ids: readonly number[]): number {
    if (ids.length === 0) {
      throw new UserError("a text has 0 tokens, the classifier reads 1 or more");
    }
    checkTokens(this.#model, ids, "a text");
    const { eosTokenIds } = this.#model.config;
    const place = ids.findLastIndex((id) => eosTokenIds.includes(id));
    if (place >= 0) return place;
    const wanted = eosTokenIds.join(" or ");
    throw new UserError(
      `a text has no end token (${wanted}), at which T5's classifier scores it: does the tokenizer ` +
        "add one?",
    );
  }
}

/**
 * Checks the config.json of a classifier on T5.
 *
 * @param path path of the file, for messages
 * @throws {UserError} when a key is missing, or its value is not supported
 */
export function configureT5Classifier(json: JsonObject, path: string): ConfiguredClassifier {
  const config = parseT5Config(json, path);
  const { dModel } = config;
  const keys = parseKeys(headSchema, json, path, "Temper trains classifiers on T5");
  const settings = {
    labels: labelsOf(json, path),
    problemType: problemTypeOf(json, path),
    dropoutRate: keys.classifier_dropout ?? 0,
  };
  if (config.eosTokenIds.length === 0) {
    throw new UserError(
      `${path}: "eos_token_id" is null: T5's classifier scores a text at its end token`,
    );
  }
  return {
    head: [[DENSE, dModel] as const, [LOGITS, settings.labels.length] as const].flatMap(
      ([name, rows]) => [
        { name: `${name}.weight`, shape: [rows, dModel] },
        { name: `${name}.bias`, shape: [rows] },
      ],
    ),
    // transformers' T5PreTrainedModel.
    headStd: (keys.initializer_factor ?? 1) * dModel ** -0.5,
    configure(weights) {
      checkHead(weights, `${LOGITS}.weight`, path);
      return (device, store) => new T5Classifier(device, config, settings, store);
    },
  };
}
