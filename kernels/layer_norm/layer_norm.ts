import type { Device, Span } from "../../lib/device/device.ts";
import { columnsPerTask, rowsPerTask, type RowsShape } from "../split.ts";
import { wgsl } from "../wgsl.ts";
import code from "./layer_norm.wgsl" with { type: "text" };

/** Columns of a workgroup of the weight's gradient; mirrored in layer_norm.wgsl. */
const COLUMNS = 16;

const shader = wgsl("layer_norm", code);
const FORWARD = shader("layer_norm", 2);
const BACKWARD = shader("layer_norm_backward", 1);
const WEIGHT_GRADIENT = shader("layer_norm_weight_gradient", 2);

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
  const spans = [y, stats, x, weight, bias];
  if (device.kind === "webgpu") return device.dispatch(FORWARD, rows, spans, [rows, width], [eps]);
  const perTask = rowsPerTask(width);
  device.run("layer_norm", Math.ceil(rows / perTask), spans, [rows, width, perTask], [eps]);
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
  const spans = [dx, dy, x, weight, stats];
  if (device.kind === "webgpu") {
    return device.dispatch(BACKWARD, rows, spans, [rows, width, Number(accumulate)]);
  }
  const perTask = rowsPerTask(width);
  device.run("layer_norm_backward", Math.ceil(rows / perTask), spans, [
    rows,
    width,
    perTask,
    Number(accumulate),
  ]);
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
  const spans = [dWeight, dBias, dy, x, stats];
  if (device.kind === "webgpu") {
    return device.dispatch(WEIGHT_GRADIENT, Math.ceil(width / COLUMNS), spans, [rows, width]);
  }
  const perTask = columnsPerTask(rows);
  const ints = [rows, width, perTask];
  device.run("layer_norm_weight_gradient", Math.ceil(width / perTask), spans, ints);
}
