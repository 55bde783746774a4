/** dx (+)= dy · f'(x) (· gate), dGate (+)= dy · f(x) */
@compute @workgroup_size(256)
fn activation_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  let g = dy[p.dy + i];
  let f = value_and_slope(p.kind, x[p.x + i]);
  if (p.d_gate != NONE) {
    var d = g * f.x;
    if (p.accumulate_gate != 0u) {
      d += d_gate[p.d_gate + i];
    }
    d_gate[p.d_gate + i] = d;
  }
  if (p.dx != NONE) {
    var d = g * f.y;
    if (p.gate != NONE) {
      d *= gate[p.gate + i];
    }
    if (p.accumulate_x != 0u) {
      d += dx[p.dx + i];
    }
    dx[p.dx + i] = d;
  }
}
