/** y = f(x) (· gate) */
@compute @workgroup_size(256)
fn activation(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  var value = value_and_slope(p.kind, x[p.x + i]).x;
  if (p.gate != NONE) {
    value *= gate[p.gate + i];
  }
  y[p.y + i] = value;
}
