/** y[i] = factor · x[i] (+ y[i]) */
@compute @workgroup_size(256)
fn scale(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  var value = p.factor * x[p.x + i];
  if (p.accumulate != 0u) {
    value += y[p.y + i];
  }
  y[p.y + i] = value;
}
