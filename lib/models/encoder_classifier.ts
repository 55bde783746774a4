import type { Device } from "../device/device.ts";
import { UserError } from "../errors.ts";
import type { ClassifierAdapter, DenseLayer } from "../nn/classifier_adapter.ts";
import type { LinearModule } from "../nn/lora.ts";
import type { ParameterSpec } from "../nn/parameters.ts";
import type { Context } from "../tensor/context.ts";
import { activation } from "../tensor/ops/activation.ts";
import { attention } from "../tensor/ops/attention.ts";
import { embedding, embeddingSum } from "../tensor/ops/embedding.ts";
import { layerNorm } from "../tensor/ops/layer_norm.ts";
import { linear } from "../tensor/ops/linear.ts";
import { Packed } from "../tensor/packed.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ProblemType } from "./classifier_config.ts";
import type { ClassifierModel } from "./classifier_model.ts";
import type { EncoderConfig } from "./encoder_config.ts";
import type { WeightStore } from "./weight_store.ts";

/** Names of an encoder layer's parts, after the layer's own name. */
interface LayerNames {
  query: string;
  key: string;
  value: string;
  attentionOutput: string;
  attentionNorm: string;
  intermediate: string;
  output: string;
  outputNorm: string;
}

/** Differences between the families: names in the checkpoint and the head's activation. */
interface Family {
  /** Name of the encoder, before `.embeddings`. */
  encoder: string;
  /** Name of the layers, before their number. */
  layers: string;
  layer: LayerNames;
  /**
   * The head: a dense layer on the first token, its activation, and the layer that gives logits.
   */
  dense: string;
  activation: "tanh" | "relu";
  logits: string;
  /** Linear layers that PEFT adapts by default. */
  targets: readonly string[];
}

const BERT_LAYER: LayerNames = {
  query: "attention.self.query",
  key: "attention.self.key",
  value: "attention.self.value",
  attentionOutput: "attention.output.dense",
  attentionNorm: "attention.output.LayerNorm",
  intermediate: "intermediate.dense",
  output: "output.dense",
  outputNorm: "output.LayerNorm",
};

const FAMILIES: Record<EncoderConfig["modelType"], Family> = {
  roberta: {
    encoder: "roberta",
    layers: "roberta.encoder.layer",
    layer: BERT_LAYER,
    dense: "classifier.dense",
    activation: "tanh",
    logits: "classifier.out_proj",
    targets: ["query", "value"],
  },
  bert: {
    encoder: "bert",
    layers: "bert.encoder.layer",
    layer: BERT_LAYER,
    dense: "bert.pooler.dense",
    activation: "tanh",
    logits: "classifier",
    targets: ["query", "value"],
  },
  distilbert: {
    encoder: "distilbert",
    layers: "distilbert.transformer.layer",
    layer: {
      query: "attention.q_lin",
      key: "attention.k_lin",
      value: "attention.v_lin",
      attentionOutput: "attention.out_lin",
      attentionNorm: "sa_layer_norm",
      intermediate: "ffn.lin1",
      output: "ffn.lin2",
      outputNorm: "output_layer_norm",
    },
    dense: "pre_classifier",
    activation: "relu",
    logits: "classifier",
    targets: ["q_lin", "v_lin"],
  },
};

/** Linear layer with its bias. */
interface Dense extends DenseLayer {
  /** Name in the checkpoint. */
  readonly name: string;
}

interface Norm {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

interface Layer {
  readonly query: Dense;
  readonly key: Dense;
  readonly value: Dense;
  readonly attentionOutput: Dense;
  readonly attentionNorm: Norm;
  readonly intermediate: Dense;
  readonly output: Dense;
  readonly outputNorm: Norm;
}

/**
 * `RobertaForSequenceClassification` (Liu et al. 2019), `BertForSequenceClassification` (Devlin et
 * al. 2019) and `DistilBertForSequenceClassification` (Sanh et al. 2019), named and computed as in
 * transformers: one encoder with the norms after the residuals, and a head on the first token.
 */
export class EncoderClassifier implements ClassifierModel {
  readonly labels: readonly string[];
  readonly problemType: ProblemType | null;
  readonly linearModules: LinearModule[] = [];
  readonly defaultTargets: readonly string[];
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Number of weights. */
  readonly parameterCount: number;
  readonly #family: Family;
  readonly #words: Tensor;
  readonly #positions: Tensor;
  /** Embedding of token types; null where tokens have none. */
  readonly #types: Tensor | null;
  readonly #embeddingNorm: Norm;
  readonly #layers: Layer[];
  readonly #dense: Dense;
  readonly #logits: Dense;

  /** Builds the model from weights under their names in the checkpoint. */
  constructor(readonly device: Device, readonly config: EncoderConfig, store: WeightStore) {
    const { hiddenSize: d, intermediateSize: inner, vocabSize, maxPositions } = config;
    this.hiddenSize = d;
    const family = FAMILIES[config.modelType];
    let count = 0;
    const vector = (name: string, width: number) => {
      count += width;
      return store.tensor(name, [width]);
    };
    const dense = (name: string, rows: number, columns: number): Dense => {
      count += rows * columns;
      if (!HEAD.test(name)) {
        const module = { name, inFeatures: columns, outFeatures: rows, tokens: "both" } as const;
        this.linearModules.push(module);
      }
      return {
        name,
        weight: store.matrix(`${name}.weight`, rows, columns),
        bias: vector(`${name}.bias`, rows),
      };
    };
    const norm = (name: string): Norm => {
      // Checkpoints that come from TensorFlow have its names.
      const isOld = !store.has(`${name}.weight`) && store.has(`${name}.gamma`);
      const [weight, bias] = isOld ? ["gamma", "beta"] : ["weight", "bias"];
      return {
        weight: vector(`${name}.${weight}`, d),
        bias: vector(`${name}.${bias}`, d),
      };
    };
    const table = (name: string, rows: number) => {
      count += rows * d;
      return store.table(`${family.encoder}.embeddings.${name}_embeddings.weight`, rows, d);
    };
    this.defaultTargets = family.targets;
    this.labels = config.labels;
    this.problemType = config.problemType;
    this.#family = family;
    this.#words = table("word", vocabSize);
    this.#positions = table("position", maxPositions);
    this.#types = config.typeVocabSize > 0 ? table("token_type", config.typeVocabSize) : null;
    this.#embeddingNorm = norm(`${family.encoder}.embeddings.LayerNorm`);
    this.#layers = Array.from({ length: config.numLayers }, (_, i) => {
      const name = (part: keyof LayerNames) => `${family.layers}.${i}.${family.layer[part]}`;
      return {
        query: dense(name("query"), d, d),
        key: dense(name("key"), d, d),
        value: dense(name("value"), d, d),
        attentionOutput: dense(name("attentionOutput"), d, d),
        attentionNorm: norm(name("attentionNorm")),
        intermediate: dense(name("intermediate"), inner, d),
        output: dense(name("output"), d, inner),
        outputNorm: norm(name("outputNorm")),
      };
    });
    this.#dense = dense(family.dense, d, d);
    this.#logits = dense(family.logits, config.labels.length, d);
    this.parameterCount = count;
  }

  /** Maximum length of a sequence by its positions: RoBERTa's count from padTokenId + 1. */
  get maxLength(): number {
    const { modelType, maxPositions, padTokenId } = this.config;
    return modelType === "roberta" ? maxPositions - padTokenId - 1 : maxPositions;
  }

  logits(
    cx: Context,
    sequences: readonly (readonly number[])[],
    adapter: ClassifierAdapter | null = null,
  ): Tensor {
    const { numHeads, hiddenSize, vocabSize } = this.config;
    const { maxLength } = this;
    const odd = sequences.find(({ length }) => length === 0 || length > maxLength);
    if (odd) {
      throw new UserError(
        `a text has ${odd.length} tokens, the classifier reads 1 to ${maxLength}`,
      );
    }
    const bad = sequences.flat().find((id) => !(Number.isInteger(id) && id >= 0 && id < vocabSize));
    if (bad !== undefined) {
      throw new UserError(
        `a text has the token ${bad}, the classifier's vocabulary has ${vocabSize}: is the tokenizer another model's?`,
      );
    }
    const inputs = Packed.create(cx, sequences);
    // The head reads each text's first token alone: of the last layer nothing else is computed.
    const firsts = Packed.create(cx, sequences.map(([first]) => [first]));
    const affine = (x: Tensor, layer: Dense, residual: Tensor | null = null) => {
      const { weight, bias } = adapter?.head(layer.name) ?? layer;
      return linear(cx, x, weight, { bias, residual, lora: adapter?.lora.weights(layer.name) });
    };
    let h = this.#embed(cx, inputs, sequences);
    for (const layer of this.#layers) {
      const isLast = layer === this.#layers.at(-1);
      h = cx.layer(h, (h) => {
        const k = affine(h, layer.key);
        const v = affine(h, layer.value);
        const queries = isLast ? firsts : inputs;
        if (isLast) h = embedding(cx, h, inputs.starts);
        const attended = attention(cx, affine(h, layer.query), k, v, {
          heads: numHeads,
          scale: 1 / Math.sqrt(hiddenSize / numHeads),
          causal: false,
          bias: null,
          queries,
          keys: inputs,
        });
        const x = this.#norm(
          cx,
          affine(attended, layer.attentionOutput, h),
          layer.attentionNorm,
        );
        const inner = activation(cx, affine(x, layer.intermediate), this.config.activation);
        return this.#norm(cx, affine(inner, layer.output, x), layer.outputNorm);
      });
    }
    const first = affine(h, this.#dense);
    return affine(activation(cx, first, this.#family.activation), this.#logits);
  }

  #embed(cx: Context, inputs: Packed, sequences: readonly (readonly number[])[]): Tensor {
    const positions = Int32Array.from(sequences.flatMap((ids) => this.#positionsOf(ids)));
    const lookups = [
      { table: this.#words, ids: inputs.ids },
      { table: this.#positions, ids: cx.from(positions) },
    ];
    // A text by itself is all of type 0.
    if (this.#types) {
      lookups.push({ table: this.#types, ids: cx.from(new Int32Array(inputs.total)) });
    }
    return this.#norm(cx, embeddingSum(cx, lookups), this.#embeddingNorm);
  }

  #positionsOf(ids: readonly number[]): number[] {
    const { modelType, padTokenId } = this.config;
    if (modelType !== "roberta") return ids.map((_, position) => position);
    // As transformers: padding tokens, which a text can contain by name, have no position of their own.
    let position = padTokenId;
    return ids.map((id) => id === padTokenId ? padTokenId : ++position);
  }

  #norm(cx: Context, x: Tensor, { weight, bias }: Norm): Tensor {
    return layerNorm(cx, x, weight, bias, this.config.layerNormEps);
  }
}

/** Tensors of the head of a classifier: those that PEFT saves whole for its modules_to_save, `classifier`. */
export function encoderHead(
  { modelType, hiddenSize, labels }: EncoderConfig,
): ParameterSpec[] {
  const { dense, logits } = FAMILIES[modelType];
  const layers = [[dense, hiddenSize] as const, [logits, labels.length] as const];
  return layers.filter(([name]) => HEAD.test(name)).flatMap(([name, rows]) => [
    { name: `${name}.weight`, shape: [rows, hiddenSize] },
    { name: `${name}.bias`, shape: [rows] },
  ]);
}

/**
 * Names of the layers of a head, of which PEFT adapts none and trains all: the modules whose names end
 * in `classifier`, DistilBERT's `pre_classifier` among them.
 */
const HEAD = /^(pre_)?classifier(\.|$)/;
