/**
 * dWeight[buckets[i]][head] += dTable[head][i], in the order of i: the thread of a bucket's first
 * distance adds up all of them.
 */
@compute @workgroup_size(256)
fn relative_bias_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at >= p.heads * p.distances) {
    return;
  }
  let first = at % p.distances;
  let bucket = buckets[p.buckets + first];
  for (var i = 0u; i < first; i++) {
    if (buckets[p.buckets + i] == bucket) {
      return;
    }
  }
  let to = p.d_weight + bucket * p.heads + at / p.distances;
  var sum = d_weight[to];
  for (var i = first; i < p.distances; i++) {
    if (buckets[p.buckets + i] == bucket) {
      sum += d_table[p.d_table + at / p.distances * p.distances + i];
    }
  }
  d_weight[to] = sum;
}
