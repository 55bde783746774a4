import type { LinearModule, LoraAdapter } from "../../nn/lora.ts";
import type { Norm, RmsNorm } from "../../tensor/ops/norm.ts";
import type { Projection } from "../../tensor/ops/projections.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { WeightMatrix } from "../../tensor/weight.ts";
import type { WeightStore } from "../weight_store.ts";
import type { DecoderConfig, LayerAttention } from "./config.ts";

/** A linear layer. */
export interface Linear {
  /** Name of the layer as PEFT has it. */
  readonly name: string;
  readonly weight: WeightMatrix;
  /** [out] */
  readonly bias: Tensor | null;
}

/** Layers that compute queries, keys and values: one each, or one for all. */
export type HeadLayers =
  | { readonly kind: "separate"; readonly q: Linear; readonly k: Linear; readonly v: Linear }
  | { readonly kind: "fused"; readonly qkv: Linear };

/** A layer of the stack. */
export interface DecoderLayer {
  readonly attention: LayerAttention;
  readonly attentionNorm: Norm;
  readonly heads: HeadLayers;
  /** Norms of each head of the queries and keys. */
  readonly headNorms: { readonly q: RmsNorm; readonly k: RmsNorm } | null;
  readonly output: Linear;
  /** Norm of the attention's output, before it is added. */
  readonly attentionOutputNorm: RmsNorm | null;
  readonly feedForwardNorm: Norm;
  readonly inner: Linear;
  readonly gate: Linear | null;
  readonly outer: Linear;
  /** Norm of the feed-forward layer's output, before it is added. */
  readonly feedForwardOutputNorm: RmsNorm | null;
}

/** Weights of a decoder-only model, taken from a store under their names in the checkpoint. */
export class DecoderWeights {
  /** The head, where both are one weight. */
  readonly embedding: Tensor | WeightMatrix;
  /** [positions, hiddenSize]; null without learned positions. */
  readonly positions: Tensor | null;
  readonly layers: readonly DecoderLayer[];
  readonly finalNorm: Norm;
  readonly head: WeightMatrix;
  /** Every linear layer but the head. */
  readonly linearModules: LinearModule[] = [];
  /** Number of weights; tied ones count once. */
  readonly count: number;
  #count = 0;

  /** @param labels number of labels of a classifier; null for a head that tells tokens */
  constructor(
    private readonly config: DecoderConfig,
    private readonly store: WeightStore,
    labels: number | null = null,
  ) {
    const { vocabSize, hiddenSize, names, tied } = config;
    const isShared = tied && labels === null;
    const shared = isShared ? { weight: this.#shared(names.embedding, vocabSize) } : null;
    this.embedding = shared ? shared.weight : this.#table(names.embedding, vocabSize);
    this.positions = names.positions === null
      ? null
      : this.#table(names.positions, config.positions!);
    this.layers = config.layers.map((attention, i) =>
      this.#layer(`${names.layers}.${i}`, attention)
    );
    this.finalNorm = this.#norm(names.finalNorm, hiddenSize);
    this.head = shared ? shared.weight : this.#head(labels);
    this.count = this.#count;
  }

  #layer(name: string, attention: LayerAttention): DecoderLayer {
    const { config } = this;
    const { hiddenSize, innerSize, headSize, names, biases } = config;
    const [queries, keys] = [config.heads * headSize, config.keyHeads * headSize];
    const linear = (part: string, outFeatures: number, inFeatures: number, bias: boolean) =>
      this.#linear(`${name}.${part}`, outFeatures, inFeatures, bias);
    const norm = (part: string) => this.#norm(`${name}.${part}`, hiddenSize);
    const outputNorm = (part: string | null) =>
      part === null ? null : this.#rmsNorm(`${name}.${part}`, hiddenSize);
    const heads = (): HeadLayers => {
      if (typeof names.heads === "string") {
        const qkv = linear(names.heads, queries + 2 * keys, hiddenSize, biases.heads);
        return { kind: "fused", qkv };
      }
      const [q, k, v] = names.heads;
      return {
        kind: "separate",
        q: linear(q, queries, hiddenSize, biases.heads),
        k: linear(k, keys, hiddenSize, biases.heads),
        v: linear(v, keys, hiddenSize, biases.heads),
      };
    };
    return {
      attention,
      attentionNorm: norm(names.attentionNorm),
      heads: this.store.together(heads),
      headNorms: this.store.together(() =>
        names.headNorms && {
          q: this.#rmsNorm(`${name}.${names.headNorms[0]}`, headSize),
          k: this.#rmsNorm(`${name}.${names.headNorms[1]}`, headSize),
        }
      ),
      output: linear(names.output, hiddenSize, queries, biases.output),
      attentionOutputNorm: outputNorm(names.attentionOutputNorm),
      feedForwardNorm: norm(names.feedForwardNorm),
      ...this.store.together(() => ({
        inner: linear(names.inner, innerSize, hiddenSize, biases.feedForward),
        gate: names.gate === null
          ? null
          : linear(names.gate, innerSize, hiddenSize, biases.feedForward),
      })),
      outer: linear(names.outer, hiddenSize, innerSize, biases.feedForward),
      feedForwardOutputNorm: outputNorm(names.feedForwardOutputNorm),
    };
  }

  #linear(name: string, outFeatures: number, inFeatures: number, hasBias: boolean): Linear {
    const { names: { base }, storedBase, transposed } = this.config;
    // PEFT's name, which is that in transformers whatever the file has.
    const module = `${base}${name}`;
    this.linearModules.push({
      name: module,
      inFeatures,
      outFeatures,
      tokens: "both",
      fanInFanOut: transposed,
    });
    const options = { transposed };
    const weight = this.store.matrix(
      `${storedBase}${name}.weight`,
      outFeatures,
      inFeatures,
      options,
    );
    this.#count += outFeatures * inFeatures;
    return {
      name: module,
      weight,
      bias: hasBias ? this.#vector(`${name}.bias`, outFeatures) : null,
    };
  }

  #norm(name: string, width: number): Norm {
    if (this.config.norm.kind === "rms") return this.#rmsNorm(name, width);
    return {
      weight: this.#vector(`${name}.weight`, width),
      bias: this.#vector(`${name}.bias`, width),
      eps: this.config.norm.eps,
    };
  }

  #rmsNorm(name: string, width: number): RmsNorm {
    const { eps, weightOffset } = this.config.norm;
    return { weight: this.#vector(`${name}.weight`, width), eps, weightOffset };
  }

  #vector(name: string, width: number): Tensor {
    this.#count += width;
    return this.store.tensor(`${this.config.storedBase}${name}`, [width]);
  }

  #head(labels: number | null): WeightMatrix {
    const { vocabSize, hiddenSize } = this.config;
    const rows = labels ?? vocabSize;
    this.#count += rows * hiddenSize;
    return this.store.matrix(labels === null ? HEAD : CLASSIFIER_HEAD, rows, hiddenSize);
  }

  /** A table that is the head, too, in the layout of a head. */
  #shared(name: string, rows: number): WeightMatrix {
    const { hiddenSize, storedBase } = this.config;
    this.#count += rows * hiddenSize;
    return this.store.matrix(`${storedBase}${name}.weight`, rows, hiddenSize);
  }

  #table(name: string, rows: number): Tensor {
    const { hiddenSize } = this.config;
    this.#count += rows * hiddenSize;
    return this.store.table(`${this.config.storedBase}${name}.weight`, rows, hiddenSize);
  }
}

/** Name of the head's tensor. */
export const HEAD = "lm_head.weight";

/** Name of the tensor of a classifier's head. */
export const CLASSIFIER_HEAD = "score.weight";

/** A linear layer with an adapter's update of it. */
export function adapted({ name, weight, bias }: Linear, adapter: LoraAdapter | null): Projection {
  return { weight, bias, lora: adapter?.weights(name) ?? null };
}
