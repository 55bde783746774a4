import { embedding as gather, embeddingBackward } from "../../../kernels/embedding/embedding.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/** One table of an embedding and the rows to take from it. */
export interface Lookup {
  /** [rows, width], f32 or bf16 */
  table: Tensor;
  /** i32 [count]; the caller checks that they lie in 0 … rows - 1 (others count as zeros) */
  ids: Tensor;
}

/** Rows of a table (or of activations): f32 [count, width] with out[i] = table[ids[i]]. */
export function embedding(cx: Context, table: Tensor, ids: Tensor): Tensor {
  return embeddingSum(cx, [{ table, ids }]);
}

/** The sum of several embeddings of equal count and width: f32 [count, width]. */
export function embeddingSum(cx: Context, lookups: readonly Lookup[]): Tensor {
  const shapes = lookups.map(({ table, ids }) => ({
    count: ids.length,
    rows: table.rows,
    width: table.width,
  }));
  const out = cx.empty([shapes[0].count, shapes[0].width]);
  lookups.forEach(({ table, ids }, i) => {
    const dtype = table.dtype === "bf16" ? "bf16" : "f32";
    gather(cx.device, out, table, ids, shapes[i], { dtype, accumulate: i > 0 });
  });
  const tables = lookups.map(({ table }) => table);
  cx.record(out, tables, lookups.map(({ ids }) => ids), (dy) => {
    lookups.forEach(({ table, ids }, i) => {
      const slot = cx.gradient(table);
      if (!slot) return;
      if (!slot.accumulate) cx.zero(slot.into);
      embeddingBackward(cx.device, slot.into, dy, ids, shapes[i]);
    });
  });
  return out;
}
