import type { LinearModule, LoraAdapter } from "../../nn/lora.ts";
import type { Projection } from "../../tensor/ops/projections.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { WeightMatrix } from "../../tensor/weight.ts";
import type { WeightStore } from "../weight_store.ts";
import type { T5Config } from "./config.ts";

/** A linear layer without a bias. */
export interface Linear {
  /** Name in the checkpoint, without `.weight`. */
  readonly name: string;
  readonly weight: WeightMatrix;
}

/** An attention with the norm of its input. */
export interface AttentionLayer {
  readonly norm: Tensor;
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
}

/** A feed-forward layer with the norm of its input. */
export interface FeedForward {
  readonly norm: Tensor;
  /** `wi`, or `wi_0` of a gated layer. */
  readonly wi: Linear;
  /** `wi_1` of a gated layer. */
  readonly gate: Linear | null;
  readonly wo: Linear;
}

/** A block of the encoder. */
export interface EncoderBlock {
  readonly self: AttentionLayer;
  readonly feedForward: FeedForward;
}

/** A block of the decoder. */
export interface DecoderBlock extends EncoderBlock {
  /** Attention to the encoder's hidden states. */
  readonly cross: AttentionLayer;
}

/** Weights of a T5 model without its head, taken from a store under their names in the checkpoint. */
export class T5Weights {
  readonly shared: Tensor;
  readonly encoder: readonly EncoderBlock[];
  readonly encoderNorm: Tensor;
  /** Relative-position biases of the encoder's self-attention, [buckets, heads]. */
  readonly encoderBias: Tensor;
  readonly decoder: readonly DecoderBlock[];
  readonly decoderNorm: Tensor;
  /** Relative-position biases of the decoder's self-attention, [buckets, heads]. */
  readonly decoderBias: Tensor;
  /** Every linear layer. */
  readonly linearModules: LinearModule[] = [];

  constructor(
    private readonly config: T5Config,
    private readonly store: WeightStore,
    base: string,
  ) {
    const { vocabSize, dModel, numHeads, relativeAttentionNumBuckets: buckets } = config;
    this.shared = store.table(config.embedding, vocabSize, dModel);
    const bias = (stack: string) =>
      store.tensor(`${base}${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`, [
        buckets,
        numHeads,
      ]);
    this.encoder = Array.from(
      { length: config.numLayers },
      (_, i) => this.#encoderBlock(`${base}encoder.block.${i}`),
    );
    this.encoderNorm = store.tensor(`${base}encoder.final_layer_norm.weight`, [dModel]);
    this.encoderBias = bias("encoder");
    this.decoder = Array.from(
      { length: config.numDecoderLayers },
      (_, i) => this.#decoderBlock(`${base}decoder.block.${i}`),
    );
    this.decoderNorm = store.tensor(`${base}decoder.final_layer_norm.weight`, [dModel]);
    this.decoderBias = bias("decoder");
  }

  /** Number of weights. */
  get count(): number {
    const { vocabSize, dModel, numHeads, numLayers, numDecoderLayers } = this.config;
    const inLinears = this.linearModules
      .reduce((sum, { inFeatures, outFeatures }) => sum + inFeatures * outFeatures, 0);
    const norms = dModel * (2 * numLayers + 3 * numDecoderLayers + 2);
    const biases = 2 * this.config.relativeAttentionNumBuckets * numHeads;
    return inLinears + vocabSize * dModel + norms + biases;
  }

  #encoderBlock(name: string): EncoderBlock {
    return {
      self: this.#attention(`${name}.layer.0`, "SelfAttention", "prompt", "prompt"),
      feedForward: this.#feedForward(`${name}.layer.1`, "prompt"),
    };
  }

  #decoderBlock(name: string): DecoderBlock {
    return {
      self: this.#attention(`${name}.layer.0`, "SelfAttention", "response", "response"),
      cross: this.#attention(`${name}.layer.1`, "EncDecAttention", "response", "prompt"),
      feedForward: this.#feedForward(`${name}.layer.2`, "response"),
    };
  }

  #attention(
    name: string,
    kind: string,
    queries: LinearModule["tokens"],
    keys: LinearModule["tokens"],
  ): AttentionLayer {
    const { dModel, numHeads, dKv } = this.config;
    const inner = numHeads * dKv;
    const layer = (part: "q" | "k" | "v", tokens: LinearModule["tokens"]) =>
      this.#linear(`${name}.${kind}.${part}`, inner, dModel, tokens);
    return {
      norm: this.store.tensor(`${name}.layer_norm.weight`, [dModel]),
      ...this.store.together(() => (
        { q: layer("q", queries), k: layer("k", keys), v: layer("v", keys) }
      )),
      o: this.#linear(`${name}.${kind}.o`, dModel, inner, queries),
    };
  }

  #feedForward(name: string, tokens: LinearModule["tokens"]): FeedForward {
    const { dModel, dFf, gated } = this.config;
    const dense = `${name}.DenseReluDense`;
    return {
      norm: this.store.tensor(`${name}.layer_norm.weight`, [dModel]),
      ...this.store.together(() => ({
        wi: this.#linear(`${dense}.${gated ? "wi_0" : "wi"}`, dFf, dModel, tokens),
        gate: gated ? this.#linear(`${dense}.wi_1`, dFf, dModel, tokens) : null,
      })),
      wo: this.#linear(`${dense}.wo`, dModel, dFf, tokens),
    };
  }

  #linear(
    name: string,
    outFeatures: number,
    inFeatures: number,
    tokens: LinearModule["tokens"],
  ): Linear {
    this.linearModules.push({ name, inFeatures, outFeatures, tokens });
    return { name, weight: this.store.matrix(`${name}.weight`, outFeatures, inFeatures) };
  }
}

/** A linear layer with an adapter's update of it. */
export function adapted({ name, weight }: Linear, adapter: LoraAdapter | null): Projection {
  return { weight, lora: adapter?.weights(name) ?? null };
}
