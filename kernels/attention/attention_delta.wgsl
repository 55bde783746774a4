/** delta = dO · O, f32 [sequences, heads, max_queries]: the mean by which dS is centred. */
@compute @workgroup_size(64)
fn attention_delta(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 64u + thread;
  let item = at / p.max_queries;
  let query = at % p.max_queries;
  let sequence = item / p.heads;
  if (item >= p.items || query >= query_lengths[p.query_lengths + sequence]) {
    return;
  }
  let row = query_starts[p.query_starts + sequence] + query;
  let start = (row * p.heads + item % p.heads) * p.head_size;
  var sum = 0.0;
  for (var d = start; d < start + p.head_size; d++) {
    sum = fma(o[p.o + d], d_out[p.d_out + d], sum);
  }
  delta[p.delta + at] = sum;
}
