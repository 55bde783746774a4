import { signature } from "../../lib/device/signature.ts";

/** Columns of a workgroup of the weight's gradient. */
export const COLUMNS = 16;

/** y = (x - mean) · rstd · weight + bias; stats [rows, 2] are mean and rstd. */
export const LAYER_NORM = signature({
  name: "layer_norm",
  outputs: { y: "f32", stats: "f32?" },
  inputs: { x: "f32", weight: "f32", bias: "f32" },
  ints: ["rows", "width"],
  taskInts: ["perTask"],
  floats: ["eps"],
});

/** dx = rstd · (g - mean(g) - n · mean(g · n)) (+ dx), g = dy · weight, n = (x - mean) · rstd. */
export const LAYER_NORM_BACKWARD = signature({
  name: "layer_norm_backward",
  outputs: { dx: "f32" },
  inputs: { dy: "f32", x: "f32", weight: "f32", stats: "f32" },
  ints: ["rows", "width", "accumulate"],
  taskInts: ["perTask"],
});

/** dWeight += Σ dy · n, dBias += Σ dy. */
export const LAYER_NORM_WEIGHT_GRADIENT = signature({
  name: "layer_norm_weight_gradient",
  outputs: { dWeight: "f32?", dBias: "f32?" },
  inputs: { dy: "f32", x: "f32", stats: "f32" },
  ints: ["rows", "width"],
  taskInts: ["perTask"],
  constants: { COLUMNS },
});
