/** dx = rstd · (dy·w - x · rstd² · mean(dy·w·x)) (+ dx); a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn rms_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let offset = row * p.width;
  var products = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let g = dy[p.dy + offset + i] * (weight[p.weight + i] + p.weight_offset);
    products = fma(g, x[p.x + offset + i], products);
  }
  let scale = rstd[p.rstd + row];
  let pull = row_sum(products, thread) / f32(p.width) * scale * scale * scale;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let g = dy[p.dy + offset + i] * (weight[p.weight + i] + p.weight_offset);
    var d = fma(-x[p.x + offset + i], pull, g * scale);
    if (p.accumulate != 0u) {
      d += dx[p.dx + offset + i];
    }
    dx[p.dx + offset + i] = d;
  }
}
