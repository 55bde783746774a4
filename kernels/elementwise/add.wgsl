/** out[i] = a[i] + b[i], or b[i] where there is no a */
@compute @workgroup_size(256)
fn add(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  var sum = b[p.b + i];
  if (p.a != NONE) {
    sum += a[p.a + i];
  }
  out[p.out + i] = sum;
}
