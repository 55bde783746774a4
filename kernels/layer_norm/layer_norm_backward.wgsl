/** dx = rstd · (g - mean(g) - n · mean(g · n)) (+ dx), g = dy · weight; a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn layer_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let offset = row * p.width;
  let mean = stats[p.stats + 2u * row];
  let scale = stats[p.stats + 2u * row + 1u];
  var sum = 0.0;
  var products = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let g = dy[p.dy + offset + i] * weight[p.weight + i];
    sum += g;
    products = fma(g, (x[p.x + offset + i] - mean) * scale, products);
  }
  let mean_g = row_sum(sum, thread) / f32(p.width);
  let mean_gn = row_sum(products, thread) / f32(p.width);
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let g = dy[p.dy + offset + i] * weight[p.weight + i];
    let n = (x[p.x + offset + i] - mean) * scale;
    var d = scale * (g - fma(n, mean_gn, mean_g));
    if (p.accumulate != 0u) {
      d += dx[p.dx + offset + i];
    }
    dx[p.dx + offset + i] = d;
  }
}
