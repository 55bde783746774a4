import type { Device, Span } from "../../lib/device/device.ts";
import { columnsPerTask, rowsPerTask, type RowsShape } from "../split.ts";
import { wgsl } from "../wgsl.ts";
import code from "./rms_norm.wgsl" with { type: "text" };
import backwardCode from "./rms_norm_backward.wgsl" with { type: "text" };
import weightGradientCode from "./rms_norm_weight_gradient.wgsl" with { type: "text" };
import { COLUMNS, RMS_NORM, RMS_NORM_BACKWARD, RMS_NORM_WEIGHT_GRADIENT } from "./signatures.ts";

const forwardShader = wgsl(RMS_NORM, "rms_norm/rms_norm.wgsl", code)();
const backwardShader = wgsl(
  RMS_NORM_BACKWARD,
  "rms_norm/rms_norm_backward.wgsl",
  backwardCode,
)();
const weightGradientShader = wgsl(
  RMS_NORM_WEIGHT_GRADIENT,
  "rms_norm/rms_norm_weight_gradient.wgsl",
  weightGradientCode,
)();

/** Constants of a root mean square norm. */
export interface RmsNormConstants {
  /** Added to the mean square. */
  readonly eps: number;
  /** Added to the weight: 1 in Gemma, 0 elsewhere. */
  readonly weightOffset: number;
}

/**
 * T5's layer norm (Zhang and Sennrich 2019, RMSNorm): y = x · rstd · (weight + weightOffset) with
 * rstd = 1 / √(mean(x²) + eps), row by row.
 *
 * @param y f32 [rows, width]; may be `x` or `residual`
 * @param rstd f32 [rows], what the backward needs; null when there will be none
 * @param x f32 [rows, width]
 * @param weight f32 [width]
 * @param residual f32 [rows, width], added to the result; null for none
 */
export function rmsNorm(
  device: Device,
  y: Span,
  rstd: Span | null,
  x: Span,
  weight: Span,
  residual: Span | null,
  { rows, width }: RowsShape,
  { eps, weightOffset }: RmsNormConstants,
): void {
  const perTask = rowsPerTask(width);
  const args = { y, rstd, x, weight, residual, rows, width, perTask, eps, weightOffset };
  if (device.kind === "webgpu") device.dispatch(forwardShader, rows, args);
  else device.run(RMS_NORM, Math.ceil(rows / perTask), args);
}

/**
 * The gradient of the input: dx = rstd · (dy·w - x · rstd² · mean(dy·w·x)) with
 * w = weight + weightOffset.
 *
 * @param dx f32 [rows, width]; overwritten, or added to with `accumulate`
 * @param dy f32 [rows, width]
 */
export function rmsNormBackward(
  device: Device,
  dx: Span,
  dy: Span,
  x: Span,
  weight: Span,
  rstd: Span,
  { rows, width }: RowsShape,
  weightOffset: number,
  accumulate: boolean,
): void {
  const perTask = rowsPerTask(width);
  const args = { dx, dy, x, weight, rstd, rows, width, accumulate, perTask, weightOffset };
  if (device.kind === "webgpu") device.dispatch(backwardShader, rows, args);
  else device.run(RMS_NORM_BACKWARD, Math.ceil(rows / perTask), args);
}

/**
 * The gradient of the weight: dWeight += Σ over rows of dy · x · rstd, rows in order.
 *
 * @param dWeight f32 [width], added to
 */
export function rmsNormWeightGradient(
  device: Device,
  dWeight: Span,
  dy: Span,
  x: Span,
  rstd: Span,
  { rows, width }: RowsShape,
): void {
  const perTask = columnsPerTask(rows);
  const args = { dWeight, dy, x, rstd, rows, width, perTask };
  if (device.kind === "webgpu") {
    device.dispatch(weightGradientShader, Math.ceil(width / COLUMNS), args);
  } else device.run(RMS_NORM_WEIGHT_GRADIENT, Math.ceil(width / perTask), args);
}
