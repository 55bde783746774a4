/** dBias[i] (+)= Σ over sequences of partials[sequence][i], in order. */
@compute @workgroup_size(64)
fn attention_bias_reduce(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 64u + thread;
  if (i >= p.length) {
    return;
  }
  var sum = 0.0;
  if (p.accumulate != 0u) {
    sum = d_bias[p.d_bias + i];
  }
  for (var sequence = 0u; sequence < p.sequences; sequence++) {
    sum += partials[p.partials + sequence * p.length + i];
  }
  d_bias[p.d_bias + i] = sum;
}
