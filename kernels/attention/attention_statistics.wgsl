/** lse and delta = dO · O, the mean by which dS is centred, f32 [sequences, heads, max_queries, 2]. */
@compute @workgroup_size(64)
fn attention_statistics(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 64u + thread;
  let item = at / p.max_queries;
  let query = at % p.max_queries;
  let sequence = item / p.heads;
  if (item >= p.items || query >= tables[p.query_lengths + sequence]) {
    return;
  }
  let row = tables[p.query_starts + sequence] + query;
  let head_row = row * p.heads + item % p.heads;
  let start = head_row * p.head_size;
  var sum = 0.0;
  for (var d = start; d < start + p.head_size; d++) {
    sum = fma(o[p.o + d], d_out[p.d_out + d], sum);
  }
  statistics[p.statistics + 2u * at] = lse[p.lse + head_row];
  statistics[p.statistics + 2u * at + 1u] = sum;
}
