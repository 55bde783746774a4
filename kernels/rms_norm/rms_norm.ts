import type { Device, Span } from "../../lib/device/device.ts";
import { columnsPerTask, rowsPerTask, type RowsShape } from "../split.ts";
import { wgsl } from "../wgsl.ts";
import code from "./rms_norm.wgsl" with { type: "text" };

/** Columns of a workgroup of the weight's gradient; mirrored in rms_norm.wgsl. */
const COLUMNS = 16;

const shader = wgsl("rms_norm", code);
const FORWARD = shader("rms_norm", 2);
const BACKWARD = shader("rms_norm_backward", 1);
const WEIGHT_GRADIENT = shader("rms_norm_weight_gradient", 1);

/**
 * T5's layer norm (Zhang and Sennrich 2019, RMSNorm): y = x · rstd · w with
 * rstd = 1 / √(mean(x²) + eps), row by row.
 *
 * @param y f32 [rows, width]; may be `x`
 * @param rstd f32 [rows], what the backward needs; null when there will be none
 * @param x f32 [rows, width]
 * @param weight f32 [width]
 */
export function rmsNorm(
  device: Device,
  y: Span,
  rstd: Span | null,
  x: Span,
  weight: Span,
  { rows, width }: RowsShape,
  eps: number,
): void {
  if (device.kind === "webgpu") {
    return device.dispatch(FORWARD, rows, [y, rstd, x, weight], [rows, width], [eps]);
  }
  const perTask = rowsPerTask(width);
  const ints = [rows, width, perTask];
  device.run("rms_norm", Math.ceil(rows / perTask), [y, rstd, x, weight], ints, [eps]);
}

/**
 * The gradient of the input: dx = rstd · (dy·w - x · rstd² · mean(dy·w·x)).
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
  accumulate: boolean,
): void {
  const spans = [dx, dy, x, weight, rstd];
  if (device.kind === "webgpu") {
    return device.dispatch(BACKWARD, rows, spans, [rows, width, Number(accumulate)]);
  }
  const perTask = rowsPerTask(width);
  device.run("rms_norm_backward", Math.ceil(rows / perTask), spans, [
    rows,
    width,
    perTask,
    Number(accumulate),
  ]);
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
  const spans = [dWeight, dy, x, rstd];
  if (device.kind === "webgpu") {
    return device.dispatch(WEIGHT_GRADIENT, Math.ceil(width / COLUMNS), spans, [rows, width]);
  }
  const perTask = columnsPerTask(rows);
  device.run("rms_norm_weight_gradient", Math.ceil(width / perTask), spans, [
    rows,
    width,
    perTask,
  ]);
}
