import type { Context } from "../context.ts";
import type { Tensor } from "../tensor.ts";
import { layerNorm } from "./layer_norm.ts";
import { rmsNorm } from "./rms_norm.ts";

/** Root mean square norm (Zhang and Sennrich 2019). */
export interface RmsNorm {
  /** [width] */
  readonly weight: Tensor;
  /** Added to the mean square. */
  readonly eps: number;
  /** Added to the weight: 1 in Gemma. Default 0. */
  readonly weightOffset?: number;
}

/** Layer norm (Ba et al. 2016). */
export interface LayerNorm {
  /** [width] */
  readonly weight: Tensor;
  /** [width] */
  readonly bias: Tensor;
  /** Added to the variance. */
  readonly eps: number;
}

/** Norm of the rows of hidden states. */
export type Norm = RmsNorm | LayerNorm;

/** norm(x), f32 [..., width]. */
export function applyNorm(cx: Context, x: Tensor, norm: Norm): Tensor {
  if ("bias" in norm) return layerNorm(cx, x, norm.weight, norm.bias, norm.eps);
  return rmsNorm(cx, x, norm.weight, norm.eps, { weightOffset: norm.weightOffset });
}
