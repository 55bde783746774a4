import { HEAD_THREADS } from "../rotary/signatures.ts";
import { signature } from "../../lib/device/signature.ts";
import { SCRATCH_BYTES } from "../../lib/device/wasm/layout.ts";

/** The most query rows that a task of the WASM device works on at once. */
export const MAX_ROWS = 48;
/** Rows and columns of a tile on a GPU, and keys of a block. */
export const TILE = 32;
/** Columns of the result that a workgroup computes: two tiles. */
export const COLUMNS = 64;

/** Rows of the sequences' queries and keys: see `AttentionRows` in operands.ts. */
const ROWS = {
  queryStarts: "u32",
  queryLengths: "u32",
  keyStarts: "u32",
  keyLengths: "u32",
} as const;

/** Operands of both passes: see `Attention` in operands.ts. */
const OPERANDS = { q: "f32", k: "f32", v: "f32", ...ROWS, bias: "f32?" } as const;

/** Their sizes, and what a query sees. */
const SIZES = ["heads", "headSize", "qStride", "kStride", "vStride", "causal", "reach"] as const;

/** Operands of a prefix, which is null as a whole. */
const PREFIX = {
  prefixK: "f32?",
  prefixV: "f32?",
  prefixStarts: "u32?",
  prefixLengths: "u32?",
} as const;

/** `window` is 0 where a query sees all keys before it. */
const PREFIX_SIZES = ["keyHeads", "prefixKStride", "prefixVStride", "window"] as const;

/**
 * o = softmax(scale · q kᵀ + bias) v and its log-sum-exp on the WASM device. Items are (block of
 * `blockSequences` sequences, key head, block of at most `blockQueries` queries) of `blocks` to a
 * sequence.
 */
export const ATTENTION = signature({
  name: "attention",
  only: "wasm",
  outputs: { o: "f32", lse: "f32?" },
  inputs: { ...OPERANDS, ...PREFIX },
  taskInts: [
    ...SIZES,
    ...PREFIX_SIZES,
    "sequences",
    "items",
    "blockSequences",
    "blocks",
    "blockQueries",
    "perTask",
    "wide",
  ],
  floats: ["scale"],
  constants: { MAX_ROWS, SCRATCH_BYTES },
});

/** Sizes of the forward pass on a GPU; a window that limits nothing is 2³⁰. */
const GPU_SIZES = [...SIZES, "keyHeads", "window", "items", "blocks", "parts"] as const;

/** Tables of rows, one binding of a GPU. */
const TABLES = { tables: Object.keys(ROWS) } as const;

/** The same on a GPU. Items are (sequence, head, block of queries, part of a head's columns). */
export const ATTENTION_GPU = signature({
  name: "attention",
  only: "webgpu",
  outputs: { o: "f32", lse: "f32?" },
  inputs: OPERANDS,
  bindings: TABLES,
  gpuInts: GPU_SIZES,
  floats: ["scale"],
  constants: { TILE, COLUMNS },
});

/** Rows with a prefix. */
const PREFIXED_ROWS = { ...ROWS, prefixStarts: "u32", prefixLengths: "u32" } as const;

/** ATTENTION_GPU with a prefix, and without a bias. */
export const ATTENTION_PREFIXED = signature({
  name: "attention",
  only: "webgpu",
  outputs: { o: "f32", lse: "f32?" },
  inputs: { q: "f32", k: "f32", v: "f32", prefixK: "f32", prefixV: "f32", ...PREFIXED_ROWS },
  bindings: { tables: Object.keys(PREFIXED_ROWS) },
  gpuInts: [...GPU_SIZES, "prefixKStride", "prefixVStride"],
  floats: ["scale"],
  constants: { TILE, COLUMNS },
});

const ROTATED_ROWS = { ...PREFIXED_ROWS, positions: "u32" } as const;

/**
 * ATTENTION_PREFIXED of one query a sequence, where queries and new keys, [sequences, keyHeads ·
 * headSize], are yet to be normed (where there are weights) and rotated; the keys are then put into `k`.
 */
export const ATTENTION_ROTATED = signature({
  name: "attention",
  only: "webgpu",
  outputs: { o: "f32", k: "f32", v: "f32" },
  inputs: {
    q: "f32",
    newK: "f32",
    prefixK: "f32",
    prefixV: "f32",
    ...ROTATED_ROWS,
    angles: "f32",
    qWeight: "f32?",
    kWeight: "f32?",
  },
  bindings: {
    kept: ["k", "v"],
    raw: ["q", "newK"],
    tables: Object.keys(ROTATED_ROWS),
    norms: ["qWeight", "kWeight"],
  },
  gpuInts: [...GPU_SIZES, "prefixKStride", "prefixVStride"],
  floats: ["scale", "eps", "weightOffset"],
  constants: { TILE, COLUMNS, HEAD_THREADS },
});

/** joined[i] = rows[i], for `length` words: puts a table of rows into a block with others. */
export const ATTENTION_TABLE = signature({
  name: "attention_table",
  only: "webgpu",
  outputs: { joined: "u32" },
  inputs: { rows: "u32" },
  gpuInts: ["length"],
});

/**
 * dq, dk, dv, the prefix's dk and dv, and each sequence's part of dBias on the WASM device. Items are
 * (group of sequences with one prefix, key head); without `order`, each sequence is a group.
 */
export const ATTENTION_BACKWARD = signature({
  name: "attention_backward",
  only: "wasm",
  outputs: {
    dq: "f32?",
    dk: "f32?",
    dv: "f32?",
    dPrefixK: "f32?",
    dPrefixV: "f32?",
    dBias: "f32?",
  },
  inputs: {
    ...OPERANDS,
    ...PREFIX,
    order: "u32?",
    groupStarts: "u32?",
    o: "f32",
    lse: "f32",
    dOut: "f32",
  },
  taskInts: [
    ...SIZES,
    ...PREFIX_SIZES,
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

/** Operands of one gradient on a GPU, as W Y: see attention_backward.wgsl. */
const GRADIENT_OPERANDS = {
  a: "f32",
  b: "f32",
  a2: "f32?",
  b2: "f32",
  statistics: "f32",
} as const;

/** Their sizes. */
const GRADIENT_SIZES = [
  "items",
  "heads",
  "keyHeads",
  "blocks",
  "parts",
  "maxQueries",
  "headSize",
  "aStride",
  "bStride",
  "a2Stride",
  "b2Stride",
  "outStride",
  "causal",
  "window",
  "reach",
  "accumulate",
] as const;

/** One gradient on a GPU, without a prefix. */
export const ATTENTION_GRADIENT = signature({
  name: "attention_backward",
  only: "webgpu",
  outputs: { out: "f32" },
  inputs: { ...GRADIENT_OPERANDS, ...ROWS, bias: "f32?" },
  bindings: TABLES,
  gpuInts: GRADIENT_SIZES,
  floats: ["scale"],
  constants: { TILE, COLUMNS },
});

/** Tables of the gradients with a prefix. */
const GRADIENT_TABLES = { ...PREFIXED_ROWS, order: "u32?", groups: "u32?" } as const;

/**
 * One gradient on a GPU, from the keys of a prefix or from the others; without `order`, each sequence
 * is a group.
 */
export const ATTENTION_GRADIENT_PREFIXED = signature({
  name: "attention_backward",
  only: "webgpu",
  outputs: { out: "f32" },
  inputs: { ...GRADIENT_OPERANDS, ...GRADIENT_TABLES },
  bindings: { tables: Object.keys(GRADIENT_TABLES) },
  gpuInts: GRADIENT_SIZES,
  floats: ["scale"],
  constants: { TILE, COLUMNS },
});

/**
 * lse and delta = dO · O, the mean by which dS is centred, on a GPU: statistics [sequences, heads,
 * maxQueries, 2], which the kernels of the gradients bind as one.
 */
export const ATTENTION_STATISTICS = signature({
  name: "attention_statistics",
  only: "webgpu",
  outputs: { statistics: "f32" },
  inputs: { o: "f32", dOut: "f32", lse: "f32", queryStarts: "u32", queryLengths: "u32" },
  bindings: { tables: ["queryStarts", "queryLengths"] },
  gpuInts: ["items", "heads", "maxQueries", "headSize"],
});

/** dBias[i] (+)= Σ over sequences of partials[sequence][i], in order. */
export const ATTENTION_BIAS_REDUCE = signature({
  name: "attention_bias_reduce",
  outputs: { dBias: "f32" },
  inputs: { partials: "f32" },
  ints: ["sequences", "length", "accumulate"],
});
