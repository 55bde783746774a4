import { add } from "../../../kernels/elementwise/elementwise.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/**
 * The rows of all tensors behind one another, not differentiable; a single one is itself.
 *
 * @param tensors f32 of equal width, at least one
 */
export function concatenate(cx: Context, tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 1) return tensors[0];
  const rows = tensors.reduce((sum, tensor) => sum + tensor.rows, 0);
  const all = cx.empty([rows, tensors[0].width]);
  let row = 0;
  for (const tensor of tensors) {
    add(cx.device, all.slice(row, tensor.rows), null, tensor, tensor.length);
    row += tensor.rows;
  }
  return all;
}
