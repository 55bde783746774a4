import assert from "node:assert/strict";
import type { Context } from "../../lib/tensor/context.ts";
import { attention, type Prefix } from "../../lib/tensor/ops/attention.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { randomValues } from "../numeric.ts";
import type { AttentionCase } from "../reference/attention.ts";

/** Largest error by norm, relative or, below 1, absolute; exp and the sums are good to about 1e-7. */
const TOLERANCE = 2e-6;

/** Sizes of an attention over random values. */
export interface Sizes {
  qLengths: number[];
  kLengths: number[];
  heads: number;
  keyHeads?: number;
  headSize: number;
  causal?: boolean;
  window?: number;
  bias?: boolean;
  scale?: number;
  /** Lengths of the different prefixes, and the number of each sequence's. */
  prefixes?: { lengths: number[]; of: number[] };
}

/** First rows of packed sequences. */
export function packedStarts(lengths: readonly number[]): number[] {
  let total = 0;
  return lengths.map((n) => (total += n) - n);
}

/** Random operands of these sizes. */
export function makeCase(sizes: Sizes): AttentionCase {
  const { qLengths, kLengths, heads, keyHeads = heads, headSize, prefixes } = sizes;
  const sum = (lengths: number[]) => lengths.reduce((a, b) => a + b, 0);
  const keyWidth = keyHeads * headSize;
  const before = prefixes ? Math.max(...prefixes.lengths) : 0;
  const reach = before + Math.max(...kLengths) + 2;
  const prefixStarts = packedStarts(prefixes?.lengths ?? []);
  return {
    q: randomValues(sum(qLengths) * heads * headSize, 1),
    k: randomValues(sum(kLengths) * keyWidth, 2),
    v: randomValues(sum(kLengths) * keyWidth, 3),
    qStarts: packedStarts(qLengths),
    qLengths,
    kStarts: packedStarts(kLengths),
    kLengths,
    heads,
    keyHeads,
    headSize,
    scale: sizes.scale ?? 1,
    causal: sizes.causal ?? false,
    window: sizes.window ?? null,
    bias: sizes.bias ? { table: randomValues(heads * (2 * reach + 1), 4), reach } : null,
    prefix: prefixes
      ? {
        k: randomValues(sum(prefixes.lengths) * keyWidth, 12),
        v: randomValues(sum(prefixes.lengths) * keyWidth, 13),
        starts: prefixes.of.map((i) => prefixStarts[i]),
        lengths: prefixes.of.map((i) => prefixes.lengths[i]),
      }
      : null,
  };
}

/** A tensor of rows of f32, which wants a gradient if the context has a tape. */
export function f32(cx: Context, data: ArrayLike<number>, width: number): Tensor {
  const tensor = cx.from(Float32Array.from(data), [data.length / width, width]);
  tensor.requiresGrad = cx.grad;
  return tensor;
}

/** Rows of sequences on the device. */
export function rows(cx: Context, starts: number[], lengths: number[]) {
  return {
    starts: cx.from(Int32Array.from(starts)),
    lengths: cx.from(Int32Array.from(lengths)),
    maxLength: Math.max(...lengths),
  };
}

/** The op on a case. */
export function build(cx: Context, c: AttentionCase) {
  const width = c.heads * c.headSize;
  const { heads, keyHeads = heads, scale, causal, window } = c;
  const keyWidth = keyHeads * c.headSize;
  const q = f32(cx, c.q, width);
  const k = f32(cx, c.k, keyWidth);
  const v = f32(cx, c.v, keyWidth);
  const bias = c.bias && f32(cx, c.bias.table, 2 * c.bias.reach + 1);
  const queries = rows(cx, c.qStarts, c.qLengths);
  const keys = rows(cx, c.kStarts, c.kLengths);
  let prefix: (Prefix & { k: Tensor; v: Tensor }) | null = null;
  if (c.prefix) {
    const { starts, lengths } = c.prefix;
    // An empty prefix may start where another does.
    const place = (s: number) => starts[s] + (lengths[s] && 0.5);
    const order = [...starts.keys()].toSorted((a, b) => place(a) - place(b) || a - b);
    const firsts = order.flatMap((s, i) => i > 0 && place(s) === place(order[i - 1]) ? [] : [i]);
    prefix = {
      k: f32(cx, c.prefix.k, keyWidth),
      v: f32(cx, c.prefix.v, keyWidth),
      rows: { ...rows(cx, starts, lengths), repeated: new Set(starts).size < starts.length },
      sharing: firsts.length === starts.length ? null : {
        order: cx.from(Int32Array.from(order)),
        starts: cx.from(Int32Array.of(...firsts, order.length)),
      },
    };
  }
  const options = { heads, keyHeads, scale, causal, window, bias, queries, keys, prefix };
  return { q, k, v, bias, prefix, o: attention(cx, q, k, v, options) };
}

/** Fails unless f32 values are those of the reference. */
export function assertClose(actual: Float32Array, expected: Float64Array, name: string): void {
  const error = Math.hypot(...expected.map((x, i) => actual[i] - x));
  const norm = Math.hypot(...expected);
  assert.ok(error <= TOLERANCE * Math.max(norm, 1), `${name}: error ${error}, norm ${norm}`);
}
