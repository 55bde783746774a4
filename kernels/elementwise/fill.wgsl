/** x[i] = value */
@compute @workgroup_size(256)
fn fill(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i < p.length) {
    x[p.x + i] = p.value;
  }
}
