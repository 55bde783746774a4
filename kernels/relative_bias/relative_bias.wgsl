/** table[head][i] = weight[buckets[i]][head] */
@compute @workgroup_size(256)
fn relative_bias(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at < p.heads * p.distances) {
    let bucket = buckets[p.buckets + at % p.distances];
    table[p.table + at] = weight[p.weight + bucket * p.heads + at / p.distances];
  }
}
