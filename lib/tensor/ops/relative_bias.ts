import {
  relativeBias as launch,
  relativeBiasBackward,
} from "../../../kernels/relative_bias/relative_bias.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/**
 * The table that `attention` adds to its scores, from T5's `relative_attention_bias`.
 *
 * @param weight [buckets, heads]
 * @param buckets i32 [2 · reach + 1], the bucket of key position - query position + reach
 * @returns [heads, 2 · reach + 1]
 */
export function relativeBias(cx: Context, weight: Tensor, buckets: Tensor): Tensor {
  const heads = weight.width;
  const distances = buckets.length;
  const table = cx.empty([heads, distances]);
  launch(cx.device, table, weight, buckets, heads, distances);
  cx.record(table, [weight], [buckets], (dTable) => {
    const slot = cx.gradient(weight);
    if (!slot) return;
    if (!slot.accumulate) cx.zero(slot.into);
    relativeBiasBackward(cx.device, dTable, slot.into, buckets, heads, distances);
  });
  return table;
}
