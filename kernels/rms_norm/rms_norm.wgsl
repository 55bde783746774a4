/** y = x · rstd · w (+ residual), rstd = 1 / √(mean(x²) + eps); a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn rms_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.x + row * p.width;
  var squares = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    squares = fma(x[start + i], x[start + i], squares);
  }
  let scale = 1.0 / sqrt(row_sum(squares, thread) / f32(p.width) + p.eps);
  if (thread == 0u && p.rstd != NONE) {
    rstd[p.rstd + row] = scale;
  }
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let at = row * p.width + i;
    let normed = x[start + i] * scale;
    let w = weight[p.weight + i] + p.weight_offset;
    if (p.residual == NONE) {
      y[p.y + at] = normed * w;
    } else {
      y[p.y + at] = fma(normed, w, residual[p.residual + at]);
    }
  }
}
