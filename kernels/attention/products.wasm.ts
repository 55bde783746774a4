/**
 * The small matrix products of attention, on rows anywhere in memory. What is summed, and in which
 * order, depends only on the row of the result: a full pass and one-token decoding agree bit for bit.
 * Strides are in bytes. Row i of a block sees the first `visible(i)` keys; what it does not see is
 * neither computed nor read. If causal, the first `perQuery` rows see `first` keys, the next ones one
 * more, and so on.
 */
import { PANEL } from "../matmul/args.wasm";
import { PANEL_BYTES, transpose4 } from "../matmul/panel.wasm";
import { gather4, loadUpTo4, storeUpTo4 } from "../simd.wasm";
import {
  columns_4x16, columns_4x8, columns_6x16,
  rows_4x16, rows_4x8, rows_6x16,
} from "./tiles.wasm";

/** Depth of the panels: one takes 24 KiB, which a first-level cache holds beside the rows. */
const DEPTH: i32 = 384;
/** Scratch memory that {@linkcode dots} uses: a panel. */
export const PANEL_SCRATCH: usize = <usize>DEPTH * PANEL_BYTES;

/** Number of keys, of `keys`, that row `i` of a block sees. */
// @ts-ignore: decorator
@inline
export function visible(i: i32, first: i32, keys: i32, causal: i32, perQuery: i32): i32 {
  return causal ? max(0, min(keys, first + queryOf(i, perQuery))) : keys;
}

/** The query, counted from the first of a block, that row `i` is of. */
// @ts-ignore: decorator
@inline
export function queryOf(i: i32, perQuery: i32): i32 {
  return perQuery == 1 ? i : i / perQuery;
}

/**
 * out[i][j] = x[i] · y[j] for `rows` x `keys` rows of `width` f32, each a chain of fused
 * multiply-adds in the order of the columns. Columns of `out` up to the next multiple of 16 are
 * overwritten, or left where no row of a tile sees them.
 */
export function dots(
  x: usize, xStride: usize, rows: i32,
  y: usize, yStride: usize, keys: i32,
  width: i32, out: usize, outStride: usize,
  first: i32, causal: i32, perQuery: i32, wide: i32, scratch: usize,
): void {
  for (let j = 0; j < keys; j += PANEL) {
    const begin = causal ? firstSeeing(j, first, perQuery) : 0;
    const whole = keys - j > 8;
    for (let column = 0; column < width; column += DEPTH) {
      const depth = min(DEPTH, width - column);
      const from = y + <usize>j * yStride + (<usize>column << 2);
      transposePanel(from, yStride, min(PANEL, keys - j), depth, scratch);
      for (let i = begin; i < rows;) {
        const n = tileRows(rows - i, wide != 0 && whole);
        const a = x + <usize>i * xStride + (<usize>column << 2);
        const c = out + <usize>i * outStride + (<usize>j << 2);
        multiplyRows(a, xStride, n, scratch, whole, depth, c, outStride, column, wide);
        i += n;
      }
    }
  }
}

/**
 * out[i] (+)= Σ_t w[i][t] · x[t] for `rows` rows of `width` f32, t in order. Weights are 0 where a row
 * of a tile does not see what another one does.
 */
export function weightedSums(
  out: usize, outStride: usize, rows: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, keys: i32,
  width: i32, accumulate: i32,
  first: i32, causal: i32, perQuery: i32, wide: i32, scratch: usize,
): void {
  let column = 0;
  for (; column + 8 <= width; column += PANEL) {
    const at = <usize>column << 2;
    const whole = column + PANEL <= width;
    for (let t = 0; t == 0 || t < keys; t += DEPTH) {
      const depth = min(DEPTH, keys - t);
      copyPanel(x + <usize>t * xStride + at, xStride, depth, whole, scratch);
      for (let i = 0; i < rows;) {
        const n = tileRows(rows - i, wide != 0 && whole);
        const inner = min(depth, visible(i + n - 1, first, keys, causal, perQuery) - t);
        const a = w + <usize>i * wStride + (<usize>t << 2);
        const c = out + <usize>i * outStride + at;
        multiplyRows(
          a, wStride, n, scratch, whole, inner, c, outStride, accumulate | t, wide,
        );
        i += n;
      }
    }
  }
  column = width & ~7;
  if (column == width) return;
  for (let i = 0; i < rows; i++) {
    const inner = visible(i, first, keys, causal, perQuery);
    const to = out + <usize>i * outStride;
    combine(to, w + <usize>i * wStride, 4, x, xStride, inner, column, width, accumulate);
  }
}

/** Copies 16 columns, or the first 8, of some rows. */
function copyPanel(x: usize, stride: usize, rows: i32, whole: bool, panel: usize): void {
  for (; rows > 0; rows--) {
    v128.store(panel, v128.load(x)), v128.store(panel, v128.load(x, 16), 16);
    if (whole) v128.store(panel, v128.load(x, 32), 32), v128.store(panel, v128.load(x, 48), 48);
    x += stride, panel += PANEL_BYTES;
  }
}

/**
 * out[t] += Σ_i w[i][t] · x[i] for `keys` rows of `width` f32, i in order, over the `rows` rows that
 * see t, of which there are at most 384. Weights are 0 where a row does not see what another column of
 * a tile is for.
 */
export function addTransposed(
  out: usize, outStride: usize, keys: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, rows: i32,
  width: i32, first: i32, causal: i32, perQuery: i32, wide: i32, scratch: usize,
): void {
  let column = 0;
  for (; column + 8 <= width; column += PANEL) {
    const at = <usize>column << 2;
    const whole = column + PANEL <= width;
    copyPanel(x + at, xStride, rows, whole, scratch);
    for (let t = 0; t < keys;) {
      const n = tileRows(keys - t, wide != 0 && whole);
      const begin = causal ? firstSeeing(t, first, perQuery) : 0;
      const a = w + <usize>begin * wStride + (<usize>t << 2);
      const b = scratch + <usize>begin * PANEL_BYTES;
      const c = out + <usize>t * outStride + at;
      multiplyColumns(a, wStride, n, b, whole, rows - begin, c, outStride, wide);
      t += n;
    }
  }
  column = width & ~7;
  if (column == width) return;
  for (let t = 0; t < keys; t++) {
    const begin = causal ? firstSeeing(t, first, perQuery) : 0;
    const a = w + <usize>begin * wStride + (<usize>t << 2);
    const b = x + <usize>begin * xStride;
    combine(out + <usize>t * outStride, a, wStride, b, xStride, rows - begin, column, width, 1);
  }
}

/** The first row of a causal block that sees key `t`. */
// @ts-ignore: decorator
@inline
function firstSeeing(t: i32, first: i32, perQuery: i32): i32 {
  return max(0, t + 1 - first) * perQuery;
}

/** Rows of the next tile when `left` are left: six, where they do not leave less than a tile of four. */
// @ts-ignore: decorator
@inline
function tileRows(left: i32, wide: bool): i32 {
  return wide && left > 4 && left != 7 && left != 8 ? min(6, left) : min(4, left);
}

/** c (+)= a · panel for the `n` rows of a tile; `whole` panels have 16 columns, others 8. */
// @ts-ignore: decorator
@inline
function multiplyRows(
  a: usize, lda: usize, n: i32, panel: usize, whole: bool, k: i32,
  c: usize, ldc: usize, accumulate: i32, wide: i32,
): void {
  if (wide != 0 && whole) {
    if (n > 4) rows_6x16(a, lda, n, panel, k, c, ldc, accumulate);
    else rows_4x16(a, lda, n, panel, k, c, ldc, accumulate);
    return;
  }
  rows_4x8(a, lda, n, panel, k, c, ldc, accumulate);
  if (whole) rows_4x8(a, lda, n, panel + 32, k, c + 32, ldc, accumulate);
}

/** c += aᵀ · panel: see {@linkcode multiplyRows}. */
// @ts-ignore: decorator
@inline
function multiplyColumns(
  a: usize, lda: usize, n: i32, panel: usize, whole: bool, k: i32,
  c: usize, ldc: usize, wide: i32,
): void {
  if (wide != 0 && whole) {
    if (n > 4) columns_6x16(a, lda, n, panel, k, c, ldc, 1);
    else columns_4x16(a, lda, n, panel, k, c, ldc, 1);
    return;
  }
  columns_4x8(a, lda, n, panel, k, c, ldc, 1);
  if (whole) columns_4x8(a, lda, n, panel + 32, k, c + 32, ldc, 1);
}

/** panel[d][i] = y[i][d] for `rows` (at most 16) rows; the columns beyond them are not defined. */
function transposePanel(y: usize, yStride: usize, rows: i32, depth: i32, panel: usize): void {
  const whole = depth & ~3;
  for (let i = 0; i < rows; i += 4) {
    const y0 = y + <usize>i * yStride;
    const y1 = y0 + (i + 1 < rows ? yStride : 0);
    const y2 = y1 + (i + 2 < rows ? yStride : 0);
    const y3 = y2 + (i + 3 < rows ? yStride : 0);
    let to = panel + (<usize>i << 2);
    for (let d: usize = 0; d < <usize>whole << 2; d += 16) {
      transpose4(
        v128.load(y0 + d), v128.load(y1 + d), v128.load(y2 + d), v128.load(y3 + d),
        to, PANEL_BYTES,
      );
      to += 4 * PANEL_BYTES;
    }
    for (let d: usize = <usize>whole << 2; d < <usize>depth << 2; d += 4) {
      v128.store(to, gather4(y0 + d, y1 + d, y2 + d, y3 + d));
      to += PANEL_BYTES;
    }
  }
}

/** out (+)= Σ_t w[t] · x[t] for the columns from `begin` to `end`; `wStep` is from weight to weight. */
export function combine(
  out: usize,
  w: usize, wStep: usize,
  x: usize, xStride: usize, inner: i32,
  begin: i32, end: i32, accumulate: i32,
): void {
  for (let column = begin; column < end; column += 4) {
    const at = <usize>column << 2;
    const count = end - column;
    let sum = accumulate ? loadUpTo4(out + at, count) : f32x4.splat(0);
    let p = w;
    let source = x + at;
    for (let t = 0; t < inner; t++) {
      sum = f32x4.relaxed_madd(v128.load32_splat(p), loadUpTo4(source, count), sum);
      p += wStep;
      source += xStride;
    }
    storeUpTo4(out + at, sum, count);
  }
}
