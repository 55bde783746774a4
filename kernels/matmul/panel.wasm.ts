/**
 * The product of rows with a panel: 16 columns of the right-hand matrix, 64 bytes for each k. The
 * matrix product and attention are made of it.
 */
import {
  bf16_tile_1x16, bf16_tile_2x16, bf16_tile_3x8_high, bf16_tile_3x8_low, bf16_tile_4x16,
  bf16_tile_4x8_high, bf16_tile_4x8_low,
  tile_1x16, tile_2x16, tile_3x16, tile_4x16, tile_4x8, tile_5x8, tile_6x16, tile_6x8,
} from "./tiles.wasm";

/** Bytes from one k of a panel to the next. */
export const PANEL_BYTES: usize = 64;

/**
 * c[0..rows, 0..16] += a[0..rows, 0..k] panel[0..k, 0..16]; `wide` where V8 makes 256-bit vectors of
 * pairs of 128-bit ones. The sums are the same.
 */
export function multiplyPanel(
  a: usize,
  lda: usize,
  panel: usize,
  c: usize,
  ldc: usize,
  rows: i32,
  k: i32,
  wide: i32,
): void {
  let left = rows;
  while (left > 0) {
    // 7 is better done as 4 + 3 than as 6 + 1, whose single row is bound by latency.
    const take = left == 7 ? 4 : min(left, 6);
    if (take == 6 && wide) {
      tile_6x16(a, lda, panel, c, ldc, k);
    } else if (take == 6) {
      tile_6x8(a, lda, panel, c, ldc, k);
      tile_6x8(a, lda, panel + 32, c + 32, ldc, k);
    } else if (take == 5) {
      tile_5x8(a, lda, panel, c, ldc, k);
      tile_5x8(a, lda, panel + 32, c + 32, ldc, k);
    } else if (take == 4 && wide) {
      tile_4x16(a, lda, panel, c, ldc, k);
    } else if (take == 4) {
      tile_4x8(a, lda, panel, c, ldc, k);
      tile_4x8(a, lda, panel + 32, c + 32, ldc, k);
    } else if (take == 3) tile_3x16(a, lda, panel, c, ldc, k);
    else if (take == 2) tile_2x16(a, lda, panel, c, ldc, k);
    else tile_1x16(a, lda, panel, c, ldc, k);
    a += <usize> take * lda;
    c += <usize> take * ldc;
    left -= take;
  }
}

/**
 * {@linkcode multiplyPanel} with a panel in bf16, for so few rows that widening it first would take
 * longer: 32 bytes for each k, word j with column j in its low and column j + 8 in its high half.
 */
export function multiplyBf16Panel(
  a: usize,
  lda: usize,
  panel: usize,
  c: usize,
  ldc: usize,
  rows: i32,
  k: i32,
  wide: i32,
): void {
  let left = rows;
  while (left > 0) {
    const take = min(left, 4);
    if (take == 4 && wide) {
      bf16_tile_4x16(a, lda, panel, c, ldc, k);
    } else if (take == 4) {
      bf16_tile_4x8_low(a, lda, panel, c, ldc, k);
      bf16_tile_4x8_high(a, lda, panel, c + 32, ldc, k);
    } else if (take == 3) {
      bf16_tile_3x8_low(a, lda, panel, c, ldc, k);
      bf16_tile_3x8_high(a, lda, panel, c + 32, ldc, k);
    } else if (take == 2) bf16_tile_2x16(a, lda, panel, c, ldc, k);
    else bf16_tile_1x16(a, lda, panel, c, ldc, k);
    a += <usize> take * lda;
    c += <usize> take * ldc;
    left -= take;
  }
}

/** Stores the transpose of four rows to four rows that are `stride` bytes apart. */
// @ts-ignore: decorator
@inline

export function transpose4(
  x0: v128,
  x1: v128,
  x2: v128,
  x3: v128,
  to: usize,
  stride: usize,
): void {
  const t0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
  const t1 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
  const t2 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
  const t3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(t0, t2, 0, 2));
  v128.store(to + stride, v128.shuffle<i64>(t0, t2, 1, 3));
  v128.store(to + 2 * stride, v128.shuffle<i64>(t1, t3, 0, 2));
  v128.store(to + 3 * stride, v128.shuffle<i64>(t1, t3, 1, 3));
}
