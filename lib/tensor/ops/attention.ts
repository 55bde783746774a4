import {
  attention as launch,
  attentionBackward,
  reduceBiasPartials,
} from "../../../kernels/attention/attention.ts";
import { attentionRotated, rotatesInAttention } from "../../../kernels/attention/rotated_gpu.ts";
import type { Attention, GradientTarget } from "../../../kernels/attention/operands.ts";
import type { Span } from "../../device/device.ts";
import type { Context } from "../context.ts";
import { BYTES, Tensor } from "../tensor.ts";
import { type KeySlots, type Rotary, rotary as rotate } from "./rotary.ts";

/** Rows of each sequence: a Packed batch, or the slots of a KV cache. */
export interface Rows {
  /** i32 [B], first row of each sequence. */
  readonly starts: Tensor;
  /** i32 [B] */
  readonly lengths: Tensor;
  /** The longest of the lengths, or more. */
  readonly maxLength: number;
  /**
   * Neighbouring sequences name the same rows, of a prefix: in decoding, those are read together.
   * Default: false.
   */
  readonly repeated?: boolean;
}

/** Adjacent columns of a tensor, such as the queries in the output of one layer for q, k and v. */
export interface Columns {
  readonly tensor: Tensor;
  /** The first of the columns. */
  readonly first: number;
  readonly count: number;
}

/** Keys and values before those of {@linkcode AttentionOptions.keys}; nothing is copied. */
export interface Prefix {
  /** [·, keyHeads · size of a head] */
  readonly k: Tensor | Columns;
  /** [·, keyHeads · size of a head] */
  readonly v: Tensor | Columns;
  /** Rows of each sequence's prefix. Several sequences may name the same, but not overlapping ones. */
  readonly rows: Rows;
  /** For the backward pass; null when no two sequences name the same rows. */
  readonly sharing: PrefixSharing | null;
}

/** Sequences grouped by the rows of their prefix. The gradient of a prefix is summed in this order. */
export interface PrefixSharing {
  /** i32 [B], all sequences, sorted stably by prefix. */
  readonly order: Tensor;
  /** i32 [groups + 1], first place in `order` of each group, and B. */
  readonly starts: Tensor;
}

/** Options of {@linkcode attention}. */
export interface AttentionOptions {
  readonly heads: number;
  /** Heads of keys and values; query head h reads head ⌊h · keyHeads / heads⌋. Default: heads. */
  readonly keyHeads?: number;
  /** Multiplies q · k: 1 in T5, 1/√(size of a head) elsewhere. */
  readonly scale: number;
  /**
   * A query sees no key after its own position, which is `prefix + keys - queries + i` for the i-th.
   */
  readonly causal: boolean;
  /** Keys that a query sees, its own position's the last; with `causal`. Default null: all. */
  readonly window?: number | null;
  /** Added to scores: [heads, 2R + 1] by key position - query position + R; see `relativeBias`. */
  readonly bias: Tensor | null;
  readonly queries: Rows;
  /** With a prefix, lengths may be 0; if `maxLength` is 0, k and v are not looked at. */
  readonly keys: Rows;
  /** Default null: a sequence's keys are those of `keys` alone. */
  readonly prefix?: Prefix | null;
  /** Rotates the queries, and new keys, which are put into `k`. Default null: all is in place. */
  readonly unrotated?: UnrotatedKeys | null;
}

/** New keys, one a sequence, of a step that is not differentiated. */
export interface UnrotatedKeys {
  /** [sequences, keyHeads · size of a head] */
  readonly k: Tensor;
  readonly rotary: Rotary;
  /** Their places in the `k` of the attention: each sequence's last own key. */
  readonly slots: KeySlots;
}

/**
 * Multi-head attention, softmax(scale · q kᵀ + bias) v, within each sequence of a packed batch, with
 * as many or fewer heads of keys and values (Ainslie et al. 2023, "GQA"). The result for a query
 * depends only on the keys it sees, in order: it is the same bits for one query or many, in any
 * batch, wherever a prefix ends, and with or without unseen keys before them, a multiple of 32.
 *
 * @param q [rows of queries, heads · size of a head]
 * @param k [rows of keys, keyHeads · size of a head]
 * @param v as k
 * @returns [rows of queries, heads · size of a head]
 * @throws {RangeError} when the options do not fit together
 */
export function attention(
  cx: Context,
  q: Tensor | Columns,
  k: Tensor | Columns,
  v: Tensor | Columns,
  options: AttentionOptions,
): Tensor {
  const { heads, bias, queries, keys, prefix = null } = options;
  const sequences = queries.starts.length;
  const [query, key, value] = [operand(q), operand(k), operand(v)];
  const [prefixKey, prefixValue] = [prefix && operand(prefix.k), prefix && operand(prefix.v)];
  const width = query.count;
  const problem: Attention = {
    q: query.span,
    k: key.span,
    v: value.span,
    qStride: query.tensor.width,
    kStride: key.tensor.width,
    vStride: value.tensor.width,
    queries,
    keys,
    sequences,
    heads,
    keyHeads: options.keyHeads,
    headSize: width / heads,
    scale: options.scale,
    causal: options.causal,
    window: options.window,
    bias: bias && { table: bias, reach: (bias.width - 1) / 2 },
    prefix: prefix && {
      k: prefixKey!.span,
      v: prefixValue!.span,
      kStride: prefixKey!.tensor.width,
      vStride: prefixValue!.tensor.width,
      rows: prefix.rows,
      sharing: prefix.sharing && { ...prefix.sharing, groups: prefix.sharing.starts.length - 1 },
    },
  };
  const { unrotated = null } = options;
  if (unrotated) return attendRotated(cx, q as Tensor, problem, unrotated);
  const o = cx.empty([query.tensor.rows, width]);
  const lse = cx.grad ? cx.empty([o.rows, heads]) : null;
  launch(cx.device, problem, o, lse);
  const own = keys.maxLength > 0;
  const inputs = [query.tensor, bias];
  const rows = [queries.starts, queries.lengths, keys.starts, keys.lengths];
  if (own) inputs.push(key.tensor, value.tensor);
  if (prefix) {
    inputs.push(prefixKey!.tensor, prefixValue!.tensor);
    rows.push(prefix.rows.starts, prefix.rows.lengths);
    if (prefix.sharing) rows.push(prefix.sharing.order, prefix.sharing.starts);
  }
  cx.record(o, inputs, [...inputs, o, lse, ...rows], (dOut) => {
    const dBias = bias && cx.gradient(bias);
    const partials = dBias && cx.empty([sequences, dBias.into.length]);
    attentionBackward(cx.device, problem, {
      o,
      lse: lse!,
      dOut,
      dq: gradientOf(cx, query),
      dk: own ? gradientOf(cx, key) : null,
      dv: own ? gradientOf(cx, value) : null,
      prefix: prefix && { dk: sumOf(cx, prefixKey!), dv: sumOf(cx, prefixValue!) },
      dBiasPartials: partials,
    });
    if (partials) {
      reduceBiasPartials(cx.device, partials, dBias, sequences, dBias.into.length);
      cx.free(partials);
    }
  });
  return o;
}

/** `rotary` and the attention of a single step, in one launch where the device can. */
function attendRotated(
  cx: Context,
  q: Tensor,
  problem: Attention,
  { k, rotary, slots }: UnrotatedKeys,
): Tensor {
  const { device } = cx;
  const { table, positions, norms = null } = rotary;
  const heads = {
    newK: k,
    table,
    positions,
    norms: norms && {
      q: norms.q.weight,
      k: norms.k.weight,
      eps: norms.k.eps,
      weightOffset: norms.k.weightOffset ?? 0,
    },
  };
  const rotates = rotatesInAttention(device, problem, heads);
  const o = cx.empty(q.shape);
  if (rotates && device.kind === "webgpu") attentionRotated(device, problem, heads, o);
  else launch(device, { ...problem, q: rotate(cx, { q, k }, rotary, slots).q }, o, null);
  return o;
}

/** Columns of a tensor that has others, too, or all of them. */
interface Operand extends Columns {
  /** The memory from the first of the columns on. */
  readonly span: Span;
}

function operand(x: Tensor | Columns): Operand {
  if (x instanceof Tensor) return { tensor: x, first: 0, count: x.width, span: x };
  return { ...x, span: spanFrom(x.tensor, x.first) };
}

/** The memory of a tensor from a column on, also after the context has computed the tensor again. */
function spanFrom(tensor: Tensor, column: number): Span {
  const byteOffset = tensor.byteOffset + column * BYTES[tensor.dtype];
  return {
    get buffer() {
      return tensor.buffer;
    },
    byteOffset,
  };
}

/** Destination of the gradient of an operand whose rows the sequences cover. */
function gradientOf(cx: Context, x: Operand): GradientTarget | null {
  if (x.count === x.tensor.width) return cx.gradient(x.tensor);
  const into = sumOf(cx, x);
  return into && { into, accumulate: true };
}

/** Gradient of an operand, which is 0 at first. */
function sumOf(cx: Context, { tensor, first }: Operand): Span | null {
  const slot = cx.gradient(tensor);
  if (!slot) return null;
  if (!slot.accumulate) cx.zero(slot.into);
  return spanFrom(slot.into, first);
}
