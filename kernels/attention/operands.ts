import type { Span } from "../../lib/device/device.ts";

/** Rows of one side of the attention that belong together: sequence b owns starts[b] … + lengths[b] - 1. */
export interface AttentionRows {
  /** i32 [sequences] */
  readonly starts: Span;
  /** i32 [sequences] */
  readonly lengths: Span;
  /** The longest of the lengths, or more. */
  readonly maxLength: number;
}

/**
 * One attention over packed sequences. Query i of a sequence stands at position
 * `keys - queries + i`, so that one new token can look at a cache of all before it.
 */
export interface Attention {
  /** Queries f32 [·, heads · headSize]; rows are `qStride` elements apart. */
  readonly q: Span;
  /** Keys, laid out as q. */
  readonly k: Span;
  /** Values, laid out as q. */
  readonly v: Span;
  readonly qStride: number;
  readonly kStride: number;
  readonly vStride: number;
  readonly queries: AttentionRows;
  readonly keys: AttentionRows;
  readonly sequences: number;
  readonly heads: number;
  readonly headSize: number;
  /** Multiplies q · k: 1 in T5, 1/√headSize elsewhere. */
  readonly scale: number;
  /** A query sees no key after its own position. */
  readonly causal: boolean;
  /** Added to scores: f32 [heads, 2 · reach + 1] by key position - query position + reach. */
  readonly bias: { readonly table: Span; readonly reach: number } | null;
}

/** Results of the forward pass that `attentionBackward` reads, and the gradients it writes. */
export interface AttentionGradients {
  /** The output, f32 [queries, heads · headSize]. */
  readonly o: Span;
  /** Log-sum-exp of the scores, f32 [queries, heads]. */
  readonly lse: Span;
  /** Gradient of the output, laid out as it. */
  readonly dOut: Span;
  /** Gradients laid out as q, k and v; null where none is wanted. */
  readonly dq: GradientTarget | null;
  readonly dk: GradientTarget | null;
  readonly dv: GradientTarget | null;
  /** Gradient of the bias for each sequence, f32 [sequences, heads, 2 · reach + 1], overwritten. */
  readonly dBiasPartials: Span | null;
}

/** A gradient to be overwritten or added to. */
export interface GradientTarget {
  readonly into: Span;
  readonly accumulate: boolean;
}

/** Named arguments that both passes read, in the order of their signatures. */
export function operandArguments(p: Attention) {
  const { q, k, v, queries, keys, bias, heads, headSize, qStride, kStride, vStride } = p;
  return {
    q,
    k,
    v,
    queryStarts: queries.starts,
    queryLengths: queries.lengths,
    keyStarts: keys.starts,
    keyLengths: keys.lengths,
    bias: bias?.table ?? null,
    heads,
    headSize,
    qStride,
    kStride,
    vStride,
    causal: p.causal,
    reach: bias?.reach ?? 0,
  };
}
