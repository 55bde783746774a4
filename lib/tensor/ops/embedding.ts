import { embedding as gather, embeddingBackward } from "../../../kernels/embedding/embedding.ts";
import type { Context } from "../context.ts";
import { Tensor } from "../tensor.ts";
import type { WeightMatrix } from "../weight.ts";

/** One table of an embedding and the rows to take from it. */
export interface Lookup {
  /** [rows, width], f32 or bf16; a model's head where both are one weight */
  table: Tensor | WeightMatrix;
  /** i32 [count]; the caller checks that they lie in 0 … rows - 1 (others count as zeros) */
  ids: Tensor;
  /** Id whose row gets no gradient, as torch's `padding_idx`. Default null: none. */
  paddingId?: number | null;
}

/** Rows of a table (or of activations): f32 [count, width] with out[i] = table[ids[i]]. */
export function embedding(
  cx: Context,
  table: Tensor | WeightMatrix,
  ids: Tensor,
  paddingId: number | null = null,
): Tensor {
  return embeddingSum(cx, [{ table, ids, paddingId }]);
}

/** The sum of several embeddings of equal count and width: f32 [count, width]. */
export function embeddingSum(cx: Context, lookups: readonly Lookup[]): Tensor {
  const tables = lookups.map(({ table }) => tableOf(table));
  const shapes = lookups.map(({ ids }, i) => ({ count: ids.length, ...tables[i].shape }));
  const out = cx.empty([shapes[0].count, shapes[0].width]);
  lookups.forEach(({ ids }, i) => {
    const { span, dtype, panels } = tables[i];
    gather(cx.device, out, span, ids, shapes[i], { dtype, panels, accumulate: i > 0 });
  });
  const values = tables.map(({ values }) => values);
  cx.record(out, values, lookups.map(({ ids }) => ids), (dy) => {
    lookups.forEach(({ ids, paddingId }, i) => {
      const slot = values[i] && cx.gradient(values[i]);
      if (!slot) return;
      if (!slot.accumulate) cx.zero(slot.into);
      embeddingBackward(cx.device, slot.into, dy, ids, shapes[i], paddingId ?? undefined);
    });
  });
  return out;
}

/** Memory of a table, and the tensor that gradients are of; null for a frozen weight. */
function tableOf(table: Tensor | WeightMatrix) {
  if (table instanceof Tensor) {
    const dtype = table.dtype === "bf16" ? "bf16" as const : "f32" as const;
    const shape = { rows: table.rows, width: table.width };
    return { span: table, dtype, panels: false, shape, values: table };
  }
  const { span, dtype, panels } = table.lookup();
  const shape = { rows: table.rows, width: table.columns };
  return { span, dtype, panels, shape, values: table.values };
}
