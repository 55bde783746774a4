/**
 * C[M, N] (+)= A[M, K] B[K, N] + A2[M, K2] B2[K2, N] (+ bias[N]) (+ residual[M, N]).
 *
 * Every element is one chain of fused multiply-adds in the order of k, started at what C was
 * initialised with, whatever the blocking: a row's result does not depend on the rows beside it.
 */
import { dotsOfFew } from "../dots.wasm";
import {
  MAX_ROWS,
  MatmulArgs,
  PANEL,
  PANELS_BF16,
  PANELS_F32,
  PackPanelsArgs,
  STRIDED,
  TRANSPOSED_PANELS_F32,
} from "./args.wasm";
import { packA, packStrided, packTransposedBf16, packTransposedF32, widenPanel } from "./pack.wasm";
import { multiplyBf16Panel, multiplyPanel, PANEL_BYTES } from "./panel.wasm";

/** Depth of a block: a panel of this depth takes 24 KiB, half of a first-level cache. */
const KC: i32 = 384;

/** Up to so many rows, panels are read as they are, a bf16 panel widened on the way. */
const FEW_ROWS: i32 = 16;
/** Up to so many rows, the transpose of a row-major matrix is read as it is as well. */
const FEW_DOTS: i32 = 4;
/** Depth of a block of few rows. */
const FEW_ROWS_KC: i32 = 64;
/** Scratch: a panel of B, then the tile that holds ragged columns of C, then a block of A. */
const TILE_AT: usize = <usize> KC * PANEL_BYTES;
const A_AT: usize = TILE_AT + <usize> MAX_ROWS * PANEL_BYTES;

/** Adds A B for one block of C: rows at c, columns n0 .. n1. */
function addProduct(
  a: usize,
  ars: usize,
  aks: usize,
  kind: i32,
  b: usize,
  bks: usize,
  bns: usize,
  K: i32,
  N: i32,
  alpha: f32,
  c: usize,
  ldc: usize,
  rows: i32,
  n0: i32,
  n1: i32,
  wide: i32,
  scratch: usize,
): void {
  if (kind <= PANELS_BF16 && rows <= FEW_ROWS && aks == 4) {
    addFewRows(a, ars, kind == PANELS_BF16, b, K, N, c, ldc, rows, n0, n1, wide, scratch);
    return;
  }
  for (let k0 = 0; k0 < K; k0 += KC) {
    const k = min(KC, K - k0);
    let block = a + <usize> k0 * aks;
    let lda = ars;
    if (aks != 4) {
      packA(block, ars, aks, scratch + A_AT, rows, k);
      block = scratch + A_AT;
      lda = <usize> k << 2;
    }
    for (let n = n0; n < n1; n += PANEL) {
      const columns = min(PANEL, N - n);
      let panel = scratch;
      if (kind == PANELS_F32) {
        panel = b + (<usize> (n >> 4) * <usize> K + <usize> k0) * PANEL_BYTES;
      } else if (kind == PANELS_BF16) {
        widenPanel(b + (<usize> (n >> 4) * <usize> K + <usize> k0) * 32, scratch, k);
      } else if (kind == STRIDED) {
        packStrided(b + <usize> k0 * bks + <usize> n * bns, bks, bns, scratch, k, columns, alpha);
      } else if (kind == TRANSPOSED_PANELS_F32) {
        packTransposedF32(b, N, k0, n, scratch, k);
      } else packTransposedBf16(b, N, k0, n, scratch, k);
      const at = c + (<usize> (n - n0) << 2);
      if (columns == PANEL) {
        multiplyPanel(block, lda, panel, at, ldc, rows, k, wide);
      } else {
        const tile = scratch + TILE_AT;
        const bytes = <usize> columns << 2;
        copyRows(tile, PANEL_BYTES, at, ldc, rows, bytes);
        multiplyPanel(block, lda, panel, tile, PANEL_BYTES, rows, k, wide);
        copyRows(at, ldc, tile, PANEL_BYTES, rows, bytes);
      }
    }
  }
}

/**
 * {@linkcode addProduct} of few rows with panels, which are read from the first byte of the task's
 * columns to the last: such products wait for memory, and the processor fetches ahead what is read in
 * order. All rows take a few k of a panel before the next few, which are fetched meanwhile.
 */
function addFewRows(
  a: usize,
  lda: usize,
  bf16: bool,
  b: usize,
  K: i32,
  N: i32,
  c: usize,
  ldc: usize,
  rows: i32,
  n0: i32,
  n1: i32,
  wide: i32,
  scratch: usize,
): void {
  const tile = scratch + TILE_AT;
  const rowBytes: usize = bf16 ? 32 : PANEL_BYTES;
  for (let n = n0; n < n1; n += PANEL) {
    const columns = min(PANEL, N - n);
    const panel = b + <usize> (n >> 4) * <usize> K * rowBytes;
    const at = c + (<usize> (n - n0) << 2);
    const bytes = <usize> columns << 2;
    const ragged = columns < PANEL;
    if (ragged) copyRows(tile, PANEL_BYTES, at, ldc, rows, bytes);
    const to = ragged ? tile : at;
    const stride = ragged ? PANEL_BYTES : ldc;
    for (let k0 = 0; k0 < K; k0 += FEW_ROWS_KC) {
      const k = min(FEW_ROWS_KC, K - k0);
      const from = a + (<usize> k0 << 2);
      const part = panel + <usize> k0 * rowBytes;
      if (bf16) multiplyBf16Panel(from, lda, part, to, stride, rows, k, wide);
      else multiplyPanel(from, lda, part, to, stride, rows, k, wide);
    }
    if (ragged) copyRows(at, ldc, tile, PANEL_BYTES, rows, bytes);
  }
}

/** Copies `rows` rows of `bytes` bytes. */
function copyRows(
  to: usize,
  toStride: usize,
  from: usize,
  fromStride: usize,
  rows: i32,
  bytes: usize,
): void {
  for (let i: usize = 0; i < <usize> rows; i++) {
    memory.copy(to + i * toStride, from + i * fromStride, bytes);
  }
}

/** One block of C, rowsPerTask x columnsPerTask. */
export function matmul(args: MatmulArgs, task: i32, scratch: usize): void {
  const c = args.c;
  const a = args.a;
  const b = args.b;
  const a2 = args.a2;
  const b2 = args.b2;
  const bias = args.bias;
  const residual = args.residual;
  const M = args.m;
  const N = args.n;
  const K = args.k;
  const ldc = <usize> args.cRowStride << 2;
  const ars = <usize> args.aRowStride << 2;
  const aks = <usize> args.aColumnStride << 2;
  const kind = args.bLayout;
  const bks = <usize> args.bKStride << 2;
  const bns = <usize> args.bNStride << 2;
  const K2 = args.k2;
  const kind2 = args.b2Layout;
  const b2ks = <usize> args.b2KStride << 2;
  const b2ns = <usize> args.b2NStride << 2;
  const accumulate = args.accumulate;
  const rowsPerTask = args.rows;
  const columnsPerTask = args.columns;
  const wide = args.wide;
  const alongRows = args.alongRows;
  const alpha = args.alpha;
  const alpha2 = args.alpha2;

  const rowTasks = (M + rowsPerTask - 1) / rowsPerTask;
  const columnTasks = (N + columnsPerTask - 1) / columnsPerTask;
  const m0 = (alongRows ? task / columnTasks : task % rowTasks) * rowsPerTask;
  const n0 = (alongRows ? task % columnTasks : task / rowTasks) * columnsPerTask;
  const rows = min(rowsPerTask, M - m0);
  const n1 = min(n0 + columnsPerTask, N);
  const block = c + <usize> m0 * ldc + (<usize> n0 << 2);
  const bytes = <usize> (n1 - n0) << 2;

  for (let i = 0; i < rows; i++) {
    const row = block + <usize> i * ldc;
    if (residual) {
      memory.copy(row, residual + (<usize> (m0 + i) * <usize> N + <usize> n0) * 4, bytes);
    } else if (!accumulate) memory.fill(row, 0, bytes);
    if (bias) {
      const from = bias + (<usize> n0 << 2);
      for (let j: usize = 0; j < bytes; j += 4) {
        store<f32>(row + j, load<f32>(row + j) + load<f32>(from + j));
      }
    }
  }
  const columns = n1 - n0;
  // Columns of less than a vector would be overwritten.
  const reads = kind == STRIDED && bks == 4 && aks == 4 && alpha == 1 && rows <= FEW_DOTS &&
    (columns >= PANEL || (columns & 3) == 0);
  if (reads && !accumulate && !bias && !residual) {
    const from = b + <usize> n0 * bns;
    dotsOfFew(a + <usize> m0 * ars, ars, rows, from, bns, columns, K, block, ldc);
  } else addProduct(
    a + <usize> m0 * ars,
    ars,
    aks,
    kind,
    b,
    bks,
    bns,
    K,
    N,
    alpha,
    block,
    ldc,
    rows,
    n0,
    n1,
    wide,
    scratch,
  );
  if (K2 > 0) {
    const a2rs = <usize> K2 << 2;
    addProduct(
      a2 + <usize> m0 * a2rs,
      a2rs,
      4,
      kind2,
      b2,
      b2ks,
      b2ns,
      K2,
      N,
      alpha2,
      block,
      ldc,
      rows,
      n0,
      n1,
      wide,
      scratch,
    );
  }
}

/** Packs rows 16*task .. of W[N, K] (f32, row-major) into a panel of f32 or bf16 (to nearest even). */
export function pack_panels(args: PackPanelsArgs, task: i32, scratch: usize): void {
  const out = args.panels;
  const w = args.w;
  const N = args.rows;
  const K = args.columns;
  const bf16 = args.bf16;
  const firstPanel = args.firstPanel;
  const columns = min(PANEL, N - task * PANEL);
  const from = w + <usize> task * <usize> PANEL * <usize> K * 4;
  if (!bf16) {
    const to = out + <usize> (firstPanel + task) * <usize> K * PANEL_BYTES;
    packStrided(from, 4, <usize> K << 2, to, K, columns, 1);
    return;
  }
  const to = out + <usize> (firstPanel + task) * <usize> K * 32;
  for (let k = 0; k < K; k++) {
    for (let j = 0; j < 8; j++) {
      let word: u32 = 0;
      if (j < columns) word = roundBf16(load<u32>(from + (<usize> j * K + k) * 4));
      if (j + 8 < columns) word |= roundBf16(load<u32>(from + (<usize> (j + 8) * K + k) * 4)) << 16;
      store<u32>(to + <usize> k * 32 + (<usize> j << 2), word);
    }
  }
}

/** The bf16 nearest to an f32, ties to even. */
// @ts-ignore: decorator
@inline

function roundBf16(bits: u32): u32 {
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}
