/** joined[i] = rows[i]: puts a table of rows into a block with others. */
@compute @workgroup_size(64)
fn attention_table(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 64u + thread;
  if (i < p.length) {
    joined[p.joined + i] = rows[p.rows + i];
  }
}
