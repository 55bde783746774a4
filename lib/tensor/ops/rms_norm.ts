import * as kernels from "../../../kernels/rms_norm/rms_norm.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";

/**
 * T5's layer norm: y = x / √(mean(x²) + eps) · weight, row by row.
 *
 * @param x f32 [..., width]
 * @param weight f32 [width]
 */
export function rmsNorm(cx: Context, x: Tensor, weight: Tensor, eps: number): Tensor {
  const { device } = cx;
  const shape = { rows: x.rows, width: x.width };
  const y = cx.empty(x.shape);
  const rstd = cx.grad ? cx.empty([x.rows]) : null;
  const compute = () => kernels.rmsNorm(device, y, rstd, x, weight, shape, eps);
  compute();
  const backward = (dy: Tensor) => {
    const dx = cx.gradient(x);
    if (dx) {
      kernels.rmsNormBackward(device, dx.into, dy, x, weight, rstd!, shape, dx.accumulate);
    }
    const dWeight = cx.gradient(weight);
    if (dWeight) {
      if (!dWeight.accumulate) cx.zero(dWeight.into);
      kernels.rmsNormWeightGradient(device, dWeight.into, dy, x, rstd!, shape);
    }
  };
  cx.record(y, [x, weight], [x, rstd], backward, compute);
  return y;
}
