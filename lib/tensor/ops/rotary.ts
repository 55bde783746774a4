import { rotary as launch, rotaryBackward } from "../../../kernels/rotary/rotary.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";
import type { RmsNorm } from "./norm.ts";
import { rmsNormGradients } from "./rms_norm.ts";

/** Positions of the rows of queries and keys. */
export interface Rotary {
  /** f32 [positions, size of a head]: cosines, then sines; see `rotaryTable` (lib/nn). */
  readonly table: Tensor;
  /** i32 [M], rows of the table. */
  readonly positions: Tensor;
  /**
   * Norms of each head before the rotation (Qwen3, Gemma 3), whose weights have the size of a head and
   * whose constants are equal. Default null: none.
   */
  readonly norms?: { readonly q: RmsNorm; readonly k: RmsNorm } | null;
}

/** Places for the keys of new tokens. */
export interface KeySlots {
  /** [·, width of the keys] */
  readonly k: Tensor;
  /** i32 [M], distinct rows. */
  readonly rows: Tensor;
}

/**
 * Rotary positions (Su et al. 2021) of queries and keys, in the half-split form of transformers, after
 * their norms where there are any.
 *
 * @param heads `q` f32 [M, heads · size of a head], or null; `k` as `q`, of its own number of heads
 * @param slots places to write the keys to, which is not differentiable; null for a new tensor
 * @returns as `heads`; with slots, `k` is all of the slots' keys
 */
export function rotary<Q extends Tensor | null>(
  cx: Context,
  { q, k }: { readonly q: Q; readonly k: Tensor },
  { table, positions, norms = null }: Rotary,
  slots: KeySlots | null = null,
): { q: Q; k: Tensor } {
  const headSize = table.width;
  const angles = { table, positions, headSize };
  // In one block, so that one launch writes both.
  const [kRstd = null, qRstd = null] = norms && cx.grad
    ? cx.emptyTogether((q ? [k, q] : [k]).map((x) => [x.rows, x.width / headSize]))
    : [];
  const input = (x: Tensor, norm: RmsNorm | null, rstd: Tensor | null, into: Tensor | null) => {
    const heads = x.width / headSize;
    const y = into ?? cx.empty(x.shape);
    return { x, heads, y, placed: into !== null, weight: norm?.weight ?? null, rstd, norm };
  };
  const queries = q && input(q, norms?.q ?? null, qRstd, null);
  const keys = input(k, norms?.k ?? null, kRstd, slots?.k ?? null);
  const inputs = queries ? [queries, keys] : [keys];
  const constants = norms
    ? { eps: norms.k.eps, weightOffset: norms.k.weightOffset ?? 0 }
    : undefined;
  const places = slots?.rows ?? null;
  launch(cx.device, inputs, k.rows, angles, constants, places);
  for (const each of inputs) {
    const { x, heads, y, rstd, norm, placed } = each;
    if (placed) continue;
    if (!norm) {
      cx.record(y, [x], [table, positions], (dy) => {
        const slot = cx.gradient(x);
        if (!slot) return;
        rotaryBackward(cx.device, slot.into, dy, x.rows, heads, angles, slot.accumulate);
      });
      continue;
    }
    const backward = (dy: Tensor) => {
      const dNormed = cx.empty(x.shape);
      rotaryBackward(cx.device, dNormed, dy, x.rows, heads, angles, false);
      rmsNormGradients(cx, dNormed, x, norm.weight, rstd!, norm.weightOffset ?? 0);
      cx.free(dNormed);
    };
    // The norm's backward reads x: a layer need not keep the result as well.
    const again = () => launch(cx.device, [each], x.rows, angles, constants);
    cx.record(y, [x, norm.weight], [table, positions, x, rstd], backward, again);
  }
  return { q: queries?.y as Q, k: keys.y };
}
