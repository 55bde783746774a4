/**
 * The small matrix products of attention, on rows anywhere in memory. What is summed, and in
 * which order, depends only on the row of the result: a full pass and one-token decoding agree
 * bit for bit.
 */
import { multiplyPanel, PANEL, PANEL_BYTES, transpose4 } from "../matmul/panel.wasm";
import { loadPart, storePart } from "../simd.wasm";

/** Most rows of a product: eight of the tiles of six. Mirrored in attention.ts as QUERY_BLOCK. */
export const MAX_ROWS: i32 = 48;

/** Depth of the panels: one takes 24 KiB, which a first-level cache holds beside the rows. */
const DEPTH: i32 = 384;
/** Scratch: a panel, then a tile of ragged columns, then a transposed block of weights. */
const RAGGED_AT: usize = <usize>DEPTH * PANEL_BYTES;
const BLOCK_AT: usize = RAGGED_AT + <usize>MAX_ROWS * PANEL_BYTES;
/** From row to row of the transposed block. */
const BLOCK_STRIDE: usize = <usize>MAX_ROWS << 2;
/** Scratch memory that the products below use. */
export const TILES_BYTES: usize = BLOCK_AT + <usize>MAX_ROWS * BLOCK_STRIDE;
/** Rows that copying a panel pays for; fewer read their right-hand matrix where it is. */
const PANEL_ROWS: i32 = 4;

/**
 * out[i][j] = x[i] · y[j] for `xRows` (at most MAX_ROWS) x `yRows` rows of `width` f32, each a chain
 * of fused multiply-adds in the order of the columns. Strides are in bytes. Columns of `out` up to the
 * next multiple of 16 are overwritten.
 */
export function dots(
  x: usize, xStride: usize, xRows: i32,
  y: usize, yStride: usize, yRows: i32,
  width: i32, out: usize, outStride: usize,
  wide: i32, scratch: usize,
): void {
  for (let j = 0; j < yRows; j += PANEL) {
    const to = out + (<usize>j << 2);
    zeroPanel(to, outStride, xRows);
    for (let column = 0; column < width; column += DEPTH) {
      const at = <usize>column << 2;
      const depth = min(DEPTH, width - column);
      transposePanel(y + <usize>j * yStride + at, yStride, min(PANEL, yRows - j), depth, scratch);
      multiplyPanel(x + at, xStride, scratch, to, outStride, xRows, depth, wide);
    }
  }
}

/**
 * out[i] (+)= Σ_t w[i][t] · x[t] for `outRows` (at most MAX_ROWS) rows of `width` f32, t in order.
 * Strides are in bytes; the rows of w are contiguous.
 */
export function weightedSums(
  out: usize, outStride: usize, outRows: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, inner: i32,
  width: i32, accumulate: i32, wide: i32, scratch: usize,
): void {
  if (outRows < PANEL_ROWS) {
    combine(out, outStride, outRows, w, wStride, x, xStride, inner, width, accumulate);
    return;
  }
  for (let column = 0; column < width; column += PANEL) {
    const at = <usize>column << 2;
    const columns = min(PANEL, width - column);
    const ragged = columns < PANEL;
    const to = ragged ? scratch + RAGGED_AT : out + at;
    const toStride = ragged ? PANEL_BYTES : outStride;
    if (ragged && accumulate) copyRows(out + at, outStride, to, toStride, outRows, columns);
    if (!accumulate) zeroPanel(to, toStride, outRows);
    for (let t = 0; t < inner; t += DEPTH) {
      const depth = min(DEPTH, inner - t);
      copyRows(x + <usize>t * xStride + at, xStride, scratch, PANEL_BYTES, depth, columns);
      multiplyPanel(w + (<usize>t << 2), wStride, scratch, to, toStride, outRows, depth, wide);
    }
    if (ragged) copyRows(to, toStride, out + at, outStride, outRows, columns);
  }
}

/**
 * out[t] += Σ_i w[i][t] · x[i] for `outRows` rows of `width` f32, i in order, of which there are at
 * most MAX_ROWS. Strides are in bytes; the rows of w are contiguous, and whole to a multiple of four.
 */
export function addTransposed(
  out: usize, outStride: usize, outRows: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, inner: i32,
  width: i32, wide: i32, scratch: usize,
): void {
  const block = scratch + BLOCK_AT;
  for (let t = 0; t < outRows; t += MAX_ROWS) {
    const rows = min(MAX_ROWS, outRows - t);
    transposeBlock(w + (<usize>t << 2), wStride, inner, rows, block);
    const to = out + <usize>t * outStride;
    weightedSums(to, outStride, rows, block, BLOCK_STRIDE, x, xStride, inner, width, 1, wide, scratch);
  }
}

/** block[t][i] = w[i][t] for `rows` rows of `columns` f32, which are whole to a multiple of four. */
function transposeBlock(w: usize, wStride: usize, rows: i32, columns: i32, block: usize): void {
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    const w0 = w + <usize>i * wStride;
    const w1 = w0 + wStride;
    const w2 = w1 + wStride;
    const w3 = w2 + wStride;
    let to = block + (<usize>i << 2);
    for (let t: usize = 0; t < <usize>columns << 2; t += 16) {
      transpose4(
        v128.load(w0 + t), v128.load(w1 + t), v128.load(w2 + t), v128.load(w3 + t),
        to, BLOCK_STRIDE,
      );
      to += 4 * BLOCK_STRIDE;
    }
  }
  for (; i < rows; i++) scatterRow(w + <usize>i * wStride, block, BLOCK_STRIDE, i, 0, columns);
}

/** panel[d][i] = y[i][d] for `rows` (at most 16) rows; the columns beyond them are 0. */
function transposePanel(y: usize, yStride: usize, rows: i32, depth: i32, panel: usize): void {
  if (rows < PANEL) memory.fill(panel, 0, <usize>depth * PANEL_BYTES);
  const whole = depth & ~3;
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    const y0 = y + <usize>i * yStride;
    const y1 = y0 + yStride;
    const y2 = y1 + yStride;
    const y3 = y2 + yStride;
    let to = panel + (<usize>i << 2);
    for (let d: usize = 0; d < <usize>whole << 2; d += 16) {
      transpose4(
        v128.load(y0 + d), v128.load(y1 + d), v128.load(y2 + d), v128.load(y3 + d),
        to, PANEL_BYTES,
      );
      to += 4 * PANEL_BYTES;
    }
    for (let r = i; r < i + 4; r++) {
      scatterRow(y + <usize>r * yStride, panel, PANEL_BYTES, r, whole, depth);
    }
  }
  for (; i < rows; i++) scatterRow(y + <usize>i * yStride, panel, PANEL_BYTES, i, 0, depth);
}

/** to[d][column] = row[d] for d from `begin` to `end`. */
function scatterRow(
  row: usize, to: usize, stride: usize, column: i32, begin: i32, end: i32,
): void {
  to += <usize>column << 2;
  for (let d: usize = begin; d < <usize>end; d++) {
    store<f32>(to + d * stride, load<f32>(row + (d << 2)));
  }
}

/** Sets 16 columns of some rows to 0. */
function zeroPanel(to: usize, stride: usize, rows: i32): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < rows; i++) {
    v128.store(to, zero);
    v128.store(to, zero, 16);
    v128.store(to, zero, 32);
    v128.store(to, zero, 48);
    to += stride;
  }
}

/** Copies up to 16 columns of some rows. */
function copyRows(
  from: usize, fromStride: usize,
  to: usize, toStride: usize,
  rows: i32, columns: i32,
): void {
  if (columns == PANEL) {
    for (let i = 0; i < rows; i++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to, v128.load(from, 32), 32);
      v128.store(to, v128.load(from, 48), 48);
      from += fromStride;
      to += toStride;
    }
    return;
  }
  for (let i = 0; i < rows; i++) {
    memory.copy(to, from, <usize>columns << 2);
    from += fromStride;
    to += toStride;
  }
}

/** {@linkcode weightedSums}, a row at a time. */
function combine(
  out: usize, outStride: usize, outRows: i32,
  w: usize, wStride: usize,
  x: usize, xStride: usize, inner: i32,
  width: i32, accumulate: i32,
): void {
  const zero = f32x4.splat(0);
  for (let i = 0; i < outRows; i++) {
    const end = w + (<usize>inner << 2);
    let column = 0;
    for (; column + 16 <= width; column += 16) {
      const at = <usize>column << 2;
      const o = out + at;
      let a0 = zero, a1 = zero, a2 = zero, a3 = zero;
      if (accumulate) {
        a0 = v128.load(o), a1 = v128.load(o, 16), a2 = v128.load(o, 32), a3 = v128.load(o, 48);
      }
      let source = x + at;
      for (let p = w; p < end; p += 4) {
        const u = v128.load32_splat(p);
        a0 = f32x4.relaxed_madd(u, v128.load(source), a0);
        a1 = f32x4.relaxed_madd(u, v128.load(source, 16), a1);
        a2 = f32x4.relaxed_madd(u, v128.load(source, 32), a2);
        a3 = f32x4.relaxed_madd(u, v128.load(source, 48), a3);
        source += xStride;
      }
      v128.store(o, a0), v128.store(o, a1, 16), v128.store(o, a2, 32), v128.store(o, a3, 48);
    }
    for (; column < width; column += 4) {
      const at = <usize>column << 2;
      const count = width - column;
      let a = accumulate ? loadUpTo4(out + at, count) : zero;
      let source = x + at;
      for (let p = w; p < end; p += 4) {
        a = f32x4.relaxed_madd(v128.load32_splat(p), loadUpTo4(source, count), a);
        source += xStride;
      }
      storeUpTo4(out + at, a, count);
    }
    out += outStride;
    w += wStride;
  }
}

// @ts-ignore: decorator
@inline
function loadUpTo4(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadPart(p, count);
}

// @ts-ignore: decorator
@inline
function storeUpTo4(p: usize, value: v128, count: i32): void {
  if (count >= 4) v128.store(p, value);
  else storePart(p, value, count);
}
