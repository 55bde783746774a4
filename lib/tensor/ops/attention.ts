import {
  attention as launch,
  attentionBackward,
  reduceBiasPartials,
} from "../../../kernels/attention/attention.ts";
import type { Attention } from "../../../kernels/attention/operands.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/** Rows of each sequence: a Packed batch, or the slots of a KV cache. */
export interface Rows {
  /** i32 [B], first row of each sequence. */
  readonly starts: Tensor;
  /** i32 [B] */
  readonly lengths: Tensor;
  /** The longest of the lengths, or more. */
  readonly maxLength: number;
}

/** Options of {@linkcode attention}. */
export interface AttentionOptions {
  readonly heads: number;
  /** Multiplies q · k: 1 in T5, 1/√(size of a head) elsewhere. */
  readonly scale: number;
  /** A query sees no key after its own position, which is `keys - queries + i` for the i-th. */
  readonly causal: boolean;
  /** Added to scores: [heads, 2R + 1] by key position - query position + R; see `relativeBias`. */
  readonly bias: Tensor | null;
  readonly queries: Rows;
  readonly keys: Rows;
}

/**
 * Multi-head attention, softmax(scale · q kᵀ + bias) v, within each sequence of a packed batch.
 *
 * @param q [rows of queries, heads · size of a head]
 * @param k [rows of keys, heads · size of a head]
 * @param v as k
 * @returns as q
 */
export function attention(
  cx: Context,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions,
): Tensor {
  const { heads, bias, queries, keys } = options;
  const sequences = queries.starts.length;
  const problem: Attention = {
    q,
    k,
    v,
    qStride: q.width,
    kStride: k.width,
    vStride: v.width,
    queries,
    keys,
    sequences,
    heads,
    headSize: q.width / heads,
    scale: options.scale,
    causal: options.causal,
    bias: bias && { table: bias, reach: (bias.width - 1) / 2 },
  };
  const o = cx.empty([q.rows, q.width]);
  const lse = cx.grad ? cx.empty([q.rows, heads]) : null;
  launch(cx.device, problem, o, lse);
  const rows = [queries.starts, queries.lengths, keys.starts, keys.lengths];
  cx.record(o, [q, k, v, bias], [q, k, v, bias, o, lse, ...rows], (dOut) => {
    const dBias = bias && cx.gradient(bias);
    const partials = dBias && cx.empty([sequences, dBias.into.length]);
    attentionBackward(cx.device, problem, {
      o,
      lse: lse!,
      dOut,
      dq: cx.gradient(q),
      dk: cx.gradient(k),
      dv: cx.gradient(v),
      dBiasPartials: partials,
    });
    if (partials) {
      reduceBiasPartials(cx.device, partials, dBias, sequences, dBias.into.length);
      cx.free(partials);
    }
  });
  return o;
}
