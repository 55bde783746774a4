import { signature } from "../../lib/device/signature.ts";
import { SCRATCH_BYTES } from "../../lib/device/wasm/layout.ts";

/** The most query rows that a task of the WASM device works on at once. */
export const MAX_ROWS = 48;
/** Rows and columns of a tile on a GPU, and keys of a block. */
export const TILE = 32;
/** Columns of the result that a workgroup computes: two tiles. */
export const COLUMNS = 64;

/** Operands of both passes: see `Attention` in operands.ts. */
const OPERANDS = {
  q: "f32",
  k: "f32",
  v: "f32",
  queryStarts: "u32",
  queryLengths: "u32",
  keyStarts: "u32",
  keyLengths: "u32",
  bias: "f32?",
} as const;

/** Their sizes, and what a query sees. */
const SIZES = ["heads", "headSize", "qStride", "kStride", "vStride", "causal", "reach"] as const;

/**
 * o = softmax(scale · q kᵀ + bias) v and its log-sum-exp. Items are (sequence, head, block of queries)
 * of `blocks` to a sequence; on a GPU also the `parts` of a head's columns.
 */
export const ATTENTION = signature({
  name: "attention",
  outputs: { o: "f32", lse: "f32?" },
  inputs: OPERANDS,
  ints: [...SIZES, "items", "blocks"],
  gpuInts: ["parts"],
  taskInts: ["perTask", "wide"],
  floats: ["scale"],
  constants: { MAX_ROWS, TILE, COLUMNS, SCRATCH_BYTES },
});

/** dq, dk, dv and each sequence's part of dBias on the WASM device; items are (sequence, head). */
export const ATTENTION_BACKWARD = signature({
  name: "attention_backward",
  only: "wasm",
  outputs: { dq: "f32?", dk: "f32?", dv: "f32?", dBias: "f32?" },
  inputs: { ...OPERANDS, o: "f32", lse: "f32", dOut: "f32" },
  taskInts: [
    ...SIZES,
    "items",
    "perTask",
    "accumulateQ",
    "accumulateK",
    "accumulateV",
    "wide",
  ],
  floats: ["scale"],
  constants: { MAX_ROWS, SCRATCH_BYTES },
});

/** One gradient on a GPU, as W Y: which operands are which is at the head of attention_backward.wgsl. */
export const ATTENTION_GRADIENT = signature({
  name: "attention_backward",
  only: "webgpu",
  outputs: { out: "f32" },
  inputs: {
    a: "f32",
    b: "f32",
    a2: "f32?",
    b2: "f32?",
    y: "f32?",
    lse: "f32",
    delta: "f32",
    queryStarts: "u32",
    queryLengths: "u32",
    keyStarts: "u32",
    keyLengths: "u32",
    bias: "f32?",
  },
  gpuInts: [
    "items",
    "heads",
    "blocks",
    "parts",
    "maxQueries",
    "headSize",
    "aStride",
    "bStride",
    "a2Stride",
    "b2Stride",
    "yStride",
    "outStride",
    "causal",
    "reach",
    "accumulate",
  ],
  floats: ["scale"],
  constants: { TILE, COLUMNS },
});

/** delta [sequences, heads, maxQueries] = dO · O, the mean by which dS is centred, on a GPU. */
export const ATTENTION_DELTA = signature({
  name: "attention_delta",
  only: "webgpu",
  outputs: { delta: "f32" },
  inputs: { o: "f32", dOut: "f32", queryStarts: "u32", queryLengths: "u32" },
  gpuInts: ["items", "heads", "maxQueries", "headSize"],
});

/** dBias[i] (+)= Σ over sequences of partials[sequence][i], in order. */
export const ATTENTION_BIAS_REDUCE = signature({
  name: "attention_bias_reduce",
  outputs: { dBias: "f32" },
  inputs: { partials: "f32" },
  ints: ["sequences", "length", "accumulate"],
});
