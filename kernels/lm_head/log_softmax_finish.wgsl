/** logprob = x[target] - lse; entropy = lse - Σ p x; lse = max + log Σ e^(x-max). */
@compute @workgroup_size(256)
fn log_softmax_finish(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups) * 256u + thread;
  if (row >= p.rows) {
    return;
  }
  let at = p.row_state + 4u * row;
  let highest = row_state[at];
  let sum = row_state[at + 1u];
  let log_sum = log_f32(sum);
  logprobs[p.logprobs + row] = logprob_of(row_state[at + 3u], highest, log_sum);
  entropy[p.entropy + row] = log_sum - row_state[at + 2u] / sum;
  lse[p.lse + row] = highest + log_sum;
}
