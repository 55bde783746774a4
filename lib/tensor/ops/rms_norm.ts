import * as kernels from "../../../kernels/rms_norm/rms_norm.ts";
import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";
import { addGradient } from "./elementwise.ts";

/** Options of {@linkcode rmsNorm}. */
export interface RmsNormOptions {
  /** Added to the weight: 1 in Gemma. Default 0. */
  readonly weightOffset?: number;
  /** Added to the result, of x's shape. Default null: none. */
  readonly residual?: Tensor | null;
}

/**
 * Root mean square norm (Zhang and Sennrich 2019), T5's layer norm:
 * y = x / √(mean(x²) + eps) · (weight + weightOffset) (+ residual), row by row.
 *
 * @param x f32 [..., width]
 * @param weight f32 [width]
 */
export function rmsNorm(
  cx: Context,
  x: Tensor,
  weight: Tensor,
  eps: number,
  { weightOffset = 0, residual = null }: RmsNormOptions = {},
): Tensor {
  const { device } = cx;
  const shape = { rows: x.rows, width: x.width };
  const constants = { eps, weightOffset };
  const y = cx.empty(x.shape);
  const rstd = cx.grad ? cx.empty([x.rows]) : null;
  const compute = () => kernels.rmsNorm(device, y, rstd, x, weight, residual, shape, constants);
  compute();
  const backward = (dy: Tensor) => {
    rmsNormGradients(cx, dy, x, weight, rstd!, weightOffset);
    if (residual) addGradient(cx, residual, dy);
  };
  // With a residual, the result is part of a stack's hidden states, which stay anyway.
  const again = residual ? null : compute;
  cx.record(y, [x, weight, residual], [x, rstd], backward, again);
  return y;
}

/**
 * Adds to the gradients of a norm's input, seen as rows of the weight's width, and of its weight.
 *
 * @param dy gradient of the norm's output, of x's size
 * @param rstd f32 [rows]
 */
export function rmsNormGradients(
  cx: Context,
  dy: Tensor,
  x: Tensor,
  weight: Tensor,
  rstd: Tensor,
  weightOffset: number,
): void {
  const { device } = cx;
  const shape = { rows: rstd.length, width: weight.length };
  const dx = cx.gradient(x);
  if (dx) {
    const { into, accumulate } = dx;
    kernels.rmsNormBackward(device, into, dy, x, weight, rstd, shape, weightOffset, accumulate);
  }
  const dWeight = cx.gradient(weight);
  if (dWeight) {
    if (!dWeight.accumulate) cx.zero(dWeight.into);
    kernels.rmsNormWeightGradient(device, dWeight.into, dy, x, rstd, shape);
  }
}
