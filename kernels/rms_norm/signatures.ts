import { signature } from "../../lib/device/signature.ts";

/** Columns of a workgroup of the weight's gradient. */
export const COLUMNS = 16;

/** y = x · rstd · (weight + weightOffset) (+ residual), rstd = 1 / √(mean(x²) + eps) [rows]. */
export const RMS_NORM = signature({
  name: "rms_norm",
  outputs: { y: "f32", rstd: "f32?" },
  inputs: { x: "f32", weight: "f32", residual: "f32?" },
  ints: ["rows", "width"],
  taskInts: ["perTask"],
  floats: ["eps", "weightOffset"],
});

/** dx = rstd · (dy·w - x · rstd² · mean(dy·w·x)) (+ dx), w = weight + weightOffset. */
export const RMS_NORM_BACKWARD = signature({
  name: "rms_norm_backward",
  outputs: { dx: "f32" },
  inputs: { dy: "f32", x: "f32", weight: "f32", rstd: "f32" },
  ints: ["rows", "width", "accumulate"],
  taskInts: ["perTask"],
  floats: ["weightOffset"],
});

/** dWeight += Σ dy · x · rstd. */
export const RMS_NORM_WEIGHT_GRADIENT = signature({
  name: "rms_norm_weight_gradient",
  outputs: { dWeight: "f32" },
  inputs: { dy: "f32", x: "f32", rstd: "f32" },
  ints: ["rows", "width"],
  taskInts: ["perTask"],
  constants: { COLUMNS },
});
