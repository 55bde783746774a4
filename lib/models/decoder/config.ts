import type { ActivationKind } from "../../../kernels/activation/activation.ts";
import type { RopeConfig } from "./rope.ts";

/** Norms of a decoder. */
export interface NormConfig {
  /** Root mean square norm (Zhang and Sennrich 2019), or layer norm with a bias (Ba et al. 2016). */
  readonly kind: "rms" | "layer";
  /** Added to the mean square, or to the variance. */
  readonly eps: number;
  /** Added to the weight of a root mean square norm: 1 in Gemma. */
  readonly weightOffset: number;
}

/** Attention of one layer. */
export interface LayerAttention {
  /** Multiplies the products of queries and keys. */
  readonly scale: number;
  /** Number of keys that a query sees, its own among them; null for all. */
  readonly window: number | null;
  /** Rotary position embedding; null where positions are learned. */
  readonly rope: RopeConfig | null;
}

/** Names of a decoder's modules in transformers, each below the one that it is part of. */
export interface DecoderNames {
  /** Model without its head, with a dot: `model.` or `transformer.`. */
  readonly base: string;
  readonly embedding: string;
  /** Learned positions; null where there are none. */
  readonly positions: string | null;
  /** Stack of layers: `layers` or `h`. */
  readonly layers: string;
  readonly finalNorm: string;
  readonly attentionNorm: string;
  /** Norm of the attention's output, before it is added; null where there is none. */
  readonly attentionOutputNorm: string | null;
  /** q, k and v, or the one layer that computes them all. */
  readonly heads: readonly [q: string, k: string, v: string] | string;
  readonly output: string;
  /** Norms of each head of the queries and of the keys; null where there are none. */
  readonly headNorms: readonly [q: string, k: string] | null;
  readonly feedForwardNorm: string;
  /** Norm of the feed-forward layer's output, before it is added; null where there is none. */
  readonly feedForwardOutputNorm: string | null;
  /** Layer before the activation. */
  readonly inner: string;
  /** Layer that multiplies the activation; null where it is not gated. */
  readonly gate: string | null;
  readonly outer: string;
  /** Tensors of old files that hold no weights, such as masks. */
  readonly ignored: RegExp;
}

/** Sizes, tokens and functions of a decoder-only model. */
export interface DecoderConfig {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Number of rows of the embedding; may exceed the tokenizer's pieces. */
  readonly vocabSize: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Width inside the feed-forward layers. */
  readonly innerSize: number;
  /** Number of heads of the queries. */
  readonly heads: number;
  /** Number of heads of the keys and values, each read by heads / keyHeads heads of the queries. */
  readonly keyHeads: number;
  /** Width of one head. */
  readonly headSize: number;
  readonly norm: NormConfig;
  /** Function in the feed-forward layers. */
  readonly activation: ActivationKind;
  /** Linear layers that have a bias. */
  readonly biases: {
    readonly heads: boolean;
    readonly output: boolean;
    readonly feedForward: boolean;
  };
  /** Attention of each layer, from the first on. */
  readonly layers: readonly LayerAttention[];
  /** Number of learned positions, the longest text that the model reads; null where they are not. */
  readonly positions: number | null;
  /** Longest text that rotary positions were trained on; null where that is not known. */
  readonly trainedLength: number | null;
  /** Multiplies the embedding: √hiddenSize in Gemma. */
  readonly embeddingScale: number;
  /** Linear layers are stored as [in, out], as GPT-2's Conv1D. */
  readonly transposed: boolean;
  /** Uses the embedding as the head. */
  readonly tied: boolean;
  /** Probabilities of dropout, in passes that have it on. */
  readonly dropout: { readonly embedding: number; readonly residual: number };
  /** Id of the padding token; null for none. */
  readonly padTokenId: number | null;
  /** Trains the embedding of the padding token like any other; else it is trained by the head alone. */
  readonly trainsPadding: boolean;
  /** Ids that end a text. */
  readonly eosTokenIds: readonly number[];
  readonly names: DecoderNames;
  /** Name of the model without its head in the checkpoint: as `names.base`, or empty in some files. */
  readonly storedBase: string;
}
