// What a row's norm divides by, for all kernels that norm rows of the binding `x`.

/** 1 / √(mean(x²) + eps) of the row that begins at `start`; a workgroup computes it together. */
fn row_rstd(start: u32, width: u32, eps: f32, thread: u32) -> f32 {
  var squares = 0.0;
  for (var i = thread; i < width; i += ROW_THREADS) {
    squares = fma(x[start + i], x[start + i], squares);
  }
  return 1.0 / sqrt(row_sum(squares, thread) / f32(width) + eps);
}
