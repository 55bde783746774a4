import { signature } from "../../lib/device/signature.ts";
import { CHUNK } from "../matmul/signatures.ts";

/** Columns of a workgroup of the weight's gradient. */
export const COLUMNS = 16;
/** The most products of {@linkcode RMS_NORM_PRODUCTS}. */
export const MAX_PRODUCTS = 3;
/** Rows of one of its workgroups. */
export const PRODUCT_ROWS = 4;
/** The most columns, of all products, that one of its workgroups computes. */
export const MAX_PRODUCT_COLUMNS = 64;

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

/**
 * y = norm(x) and u_i = y A_iᵀ (+ bias) with A_i [n_i, width], on a GPU. `parts` workgroups share the
 * products of the same rows, `partColumns` each; u_i begins `uStart_i` elements into u.
 */
export const RMS_NORM_PRODUCTS = signature({
  name: "rms_norm_products",
  only: "webgpu",
  outputs: { y: "f32", u: "f32" },
  inputs: { x: "f32", weight: "f32", a_0: "f32?", a_1: "f32?", a_2: "f32?", bias: "f32?" },
  gpuInts: [
    "rows",
    "width",
    "parts",
    "partColumns",
    "n_0",
    "n_1",
    "n_2",
    "uStart_0",
    "uStart_1",
    "uStart_2",
  ],
  floats: ["eps", "weightOffset"],
  constants: { CHUNK, PRODUCT_ROWS, MAX_PRODUCT_COLUMNS },
});
