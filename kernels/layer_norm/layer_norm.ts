import type { Device, Span } from "../../lib/device/device.ts";
import { columnsPerTask, rowsPerTask, type RowsShape } from "../split.ts";
import { wgsl } from "../wgsl.ts";
import code from "./layer_norm.wgsl" with { type: "text" };
import backwardCode from "./layer_norm_backward.wgsl" with { type: "text" };
import weightGradientCode from "./layer_norm_weight_gradient.wgsl" with { type: "text" };
import {
  COLUMNS,
  LAYER_NORM,
  LAYER_NORM_BACKWARD,
  LAYER_NORM_WEIGHT_GRADIENT,
} from "./signatures.ts";

const forwardShader = wgsl(LAYER_NORM, "layer_norm/layer_norm.wgsl", code)();
const backwardShader = wgsl(
  LAYER_NORM_BACKWARD,
  "layer_norm/layer_norm_backward.wgsl",
  backwardCode,
)();
const weightGradientShader = wgsl(
  LAYER_NORM_WEIGHT_GRADIENT,
  "layer_norm/layer_norm_weight_gradient.wgsl",
  weightGradientCode,
)();

/**
 * Layer norm (Ba et al. 2016), row by row: y = (x - mean) · rstd · weight + bias with
 * rstd = 1 / √(variance + eps), the variance being that of the row (divided by width).
 *
 * @param y f32 [rows, width]; may be `x`
 * @param stats f32 [rows, 2], mean and rstd, what the backward needs; null when there will be none
 * @param x f32 [rows, width]
 * @param weight f32 [width]
 * @param bias f32 [width]
 */
export function layerNorm(
  device: Device,
  y: Span,
  stats: Span | null,
  x: Span,
  weight: Span,
  bias: Span,
  { rows, width }: RowsShape,
  eps: number,
): void {
  const perTask = rowsPerTask(width);
  const args = { y, stats, x, weight, bias, rows, width, perTask, eps };
  if (device.kind === "webgpu") device.dispatch(forwardShader, rows, args);
  else device.run(LAYER_NORM, Math.ceil(rows / perTask), args);
}

/**
 * The gradient of the input: with g = dy · weight and n = (x - mean) · rstd,
 * dx = rstd · (g - mean(g) - n · mean(g · n)).
 *
 * @param dx f32 [rows, width]; overwritten, or added to with `accumulate`
 * @param dy f32 [rows, width]
 */
export function layerNormBackward(
  device: Device,
  dx: Span,
  dy: Span,
  x: Span,
  weight: Span,
  stats: Span,
  { rows, width }: RowsShape,
  accumulate: boolean,
): void {
  const perTask = rowsPerTask(width);
  const args = { dx, dy, x, weight, stats, rows, width, accumulate, perTask };
  if (device.kind === "webgpu") device.dispatch(backwardShader, rows, args);
  else device.run(LAYER_NORM_BACKWARD, Math.ceil(rows / perTask), args);
}

/**
 * Gradients of weight and bias, summed over the rows in order: dWeight += Σ dy · n, dBias += Σ dy.
 *
 * @param dWeight f32 [width], added to; null when it is not wanted
 * @param dBias f32 [width], added to; null when it is not wanted
 */
export function layerNormWeightGradient(
  device: Device,
  dWeight: Span | null,
  dBias: Span | null,
  dy: Span,
  x: Span,
  stats: Span,
  { rows, width }: RowsShape,
): void {
  const perTask = columnsPerTask(rows);
  const args = { dWeight, dBias, dy, x, stats, rows, width, perTask };
  if (device.kind === "webgpu") {
    device.dispatch(weightGradientShader, Math.ceil(width / COLUMNS), args);
  } else device.run(LAYER_NORM_WEIGHT_GRADIENT, Math.ceil(width / perTask), args);
}
