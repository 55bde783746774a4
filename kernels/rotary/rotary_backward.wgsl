/** dx = dy rotated back (+ dx); a thread takes a pair of elements. */
@compute @workgroup_size(256)
fn rotary_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let half = p.head_size / 2u;
  let pair = flat_group(group, groups) * 256u + thread;
  if (pair >= p.rows * p.heads * half) {
    return;
  }
  let head = pair / half;
  let i = pair % half;
  let at = head * p.head_size + i;
  let angles = p.table + positions[p.positions + head / p.heads] * p.head_size;
  let cosine = table[angles + i];
  let sine = table[angles + half + i];
  let a = dy[p.dy + at];
  let b = dy[p.dy + at + half];
  var da = fma(b, sine, a * cosine);
  var db = fma(-a, sine, b * cosine);
  if (p.accumulate != 0u) {
    da += dx[p.dx + at];
    db += dx[p.dx + at + half];
  }
  dx[p.dx + at] = da;
  dx[p.dx + at + half] = db;
}
