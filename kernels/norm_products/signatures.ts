import { signature } from "../../lib/device/signature.ts";
import { CHUNK } from "../matmul/signatures.ts";

/** The most products of a dispatch. */
export const MAX_PRODUCTS = 3;
/** Rows of a workgroup. */
export const ROWS = 4;
/** The most columns, of all products, that a workgroup computes. */
export const MAX_COLUMNS = 64;

/**
 * y = norm(x) and u_i = y A_iᵀ (+ bias) with A_i [n_i, width], on a GPU: a layer norm where there is a
 * normBias, else a root mean square norm. `parts` workgroups share the products of the same rows,
 * `partColumns` each; u_i begins `uStart_i` elements into u.
 */
export const NORM_PRODUCTS = signature({
  name: "norm_products",
  only: "webgpu",
  outputs: { y: "f32", u: "f32" },
  inputs: {
    x: "f32",
    weight: "f32",
    normBias: "f32?",
    a_0: "f32?",
    a_1: "f32?",
    a_2: "f32?",
    bias: "f32?",
  },
  bindings: { a: ["a_0", "a_1", "a_2"] },
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
  constants: { CHUNK, ROWS, MAX_COLUMNS },
});
