import * as kernels from "../../../kernels/layer_norm/layer_norm.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/**
 * Layer norm: y = (x - mean) / √(variance + eps) · weight + bias, row by row.
 *
 * @param x f32 [..., width]
 * @param weight f32 [width]
 * @param bias f32 [width]
 */
export function layerNorm(
  cx: Context,
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  eps: number,
): Tensor {
  const { device } = cx;
  const shape = { rows: x.rows, width: x.width };
  const y = cx.empty(x.shape);
  const stats = cx.grad ? cx.empty([x.rows, 2]) : null;
  const compute = () => kernels.layerNorm(device, y, stats, x, weight, bias, shape, eps);
  compute();
  const backward = (dy: Tensor) => {
    const dx = cx.gradient(x);
    if (dx) {
      kernels.layerNormBackward(device, dx.into, dy, x, weight, stats!, shape, dx.accumulate);
    }
    const [dWeight, dBias] = [weight, bias].map((parameter) => {
      const slot = cx.gradient(parameter);
      if (slot && !slot.accumulate) cx.zero(slot.into);
      return slot?.into ?? null;
    });
    if (dWeight || dBias) {
      kernels.layerNormWeightGradient(device, dWeight, dBias, dy, x, stats!, shape);
    }
  };
  cx.record(y, [x, weight, bias], [x, stats], backward, compute);
  return y;
}
