/** y = (x - mean) · rstd · weight + bias; a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn layer_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.x + row * p.width;
  let count = f32(p.width);
  var sum = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    sum += x[start + i];
  }
  let mean = row_sum(sum, thread) / count;
  var squares = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let d = x[start + i] - mean;
    squares = fma(d, d, squares);
  }
  let scale = 1.0 / sqrt(row_sum(squares, thread) / count + p.eps);
  if (thread == 0u && p.stats != NONE) {
    stats[p.stats + 2u * row] = mean;
    stats[p.stats + 2u * row + 1u] = scale;
  }
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let n = (x[start + i] - mean) * scale;
    y[p.y + row * p.width + i] = fma(n, weight[p.weight + i], bias[p.bias + i]);
  }
}
