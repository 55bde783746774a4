import { signature } from "../../lib/device/signature.ts";
import { ACTIVATION_NUMBERS } from "../activation/signatures.ts";

/** Columns of a panel of the WASM device. */
export const PANEL = 16;
/** The most rows of a task: a block of A, copied when A is transposed, takes 288 KiB. */
export const MAX_ROWS = 192;
/** Numbers of the layouts of a right-hand matrix on the WASM device. */
export const LAYOUT_NUMBERS = {
  PANELS_F32: 0,
  PANELS_BF16: 1,
  STRIDED: 2,
  TRANSPOSED_PANELS_F32: 3,
  TRANSPOSED_PANELS_BF16: 4,
};
/** Depth of a chunk of a sum on a GPU: chunks are added in order by every variant. */
export const CHUNK = 32;
/** The most products of a dispatch of {@linkcode MATMUL_SEVERAL}. */
export const MAX_PRODUCTS = 3;

/** Memory and factors of a product, the same on either device. */
const PRODUCT = {
  outputs: { c: "f32" },
  inputs: { a: "f32", b: "u32", a2: "f32?", b2: "f32?", bias: "f32?", residual: "f32?" },
  floats: ["alpha", "alpha2"],
} as const;

/**
 * C[m, n] (+)= alpha A[m, k] B[k, n] + alpha2 A2[m, k2] B2[k2, n] (+ bias[n]) (+ residual[m, n]) on a
 * GPU. B is f32 or bf16.
 */
export const MATMUL_GPU = signature({
  ...PRODUCT,
  name: "matmul",
  only: "webgpu",
  gpuInts: [
    "m",
    "n",
    "k",
    "cRowStride",
    "residualRowStride",
    "aRowStride",
    "aColumnStride",
    "bKStride",
    "bNStride",
    "k2",
    "b2KStride",
    "b2NStride",
    "accumulate",
  ],
  constants: { CHUNK },
});

/** {@linkcode MATMUL_GPU} on the WASM device, where B may be in panels; a task computes rows x columns. */
export const MATMUL = signature({
  ...PRODUCT,
  name: "matmul",
  only: "wasm",
  taskInts: [
    "m",
    "n",
    "k",
    "cRowStride",
    "aRowStride",
    "aColumnStride",
    "bLayout",
    "bKStride",
    "bNStride",
    "k2",
    "b2Layout",
    "b2KStride",
    "b2NStride",
    "accumulate",
    "rows",
    "columns",
    "wide",
    "alongRows",
  ],
  constants: { PANEL, MAX_ROWS, ...LAYOUT_NUMBERS },
});

/** Packs W[rows, columns], f32 row-major, into panels from panel `firstPanel` on. */
export const PACK_PANELS = signature({
  name: "pack_panels",
  only: "wasm",
  outputs: { panels: "u32" },
  inputs: { w: "f32" },
  taskInts: ["rows", "columns", "bf16", "firstPanel"],
});

/**
 * c_i = A W_iᵀ + scale_i (u_i B_iᵀ) (+ bias_i) for up to three W_i [n_i, k] and ranks of u_i [m, rank_i];
 * a rank of 0 for none. Where there is a `placed_i` instead of a c_i, row j of the product is its row
 * rows[j], or j without `rows`.
 */
export const MATMUL_SEVERAL = signature({
  name: "matmul_several",
  only: "webgpu",
  outputs: {
    c_0: "f32?",
    c_1: "f32?",
    c_2: "f32?",
    placed_0: "f32?",
    placed_1: "f32?",
    placed_2: "f32?",
  },
  inputs: {
    a: "f32",
    w_0: "u32",
    w_1: "u32?",
    w_2: "u32?",
    u_0: "f32?",
    u_1: "f32?",
    u_2: "f32?",
    b_0: "f32?",
    b_1: "f32?",
    b_2: "f32?",
    bias_0: "f32?",
    bias_1: "f32?",
    bias_2: "f32?",
    rows: "u32?",
  },
  bindings: {
    c: ["c_0", "c_1", "c_2"],
    placed: ["placed_0", "placed_1", "placed_2"],
    w: ["w_0", "w_1", "w_2"],
    u: ["u_0", "u_1", "u_2"],
    b: ["b_0", "b_1", "b_2"],
    bias: ["bias_0", "bias_1", "bias_2"],
  },
  gpuInts: ["m", "k", "n_0", "n_1", "n_2", "rank_0", "rank_1", "rank_2"],
  floats: ["scale_0", "scale_1", "scale_2"],
  constants: { CHUNK, ...ACTIVATION_NUMBERS },
});
