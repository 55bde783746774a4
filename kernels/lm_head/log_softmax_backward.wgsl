/** x becomes dlogprob · ((column is target) - e^(x - lse)); a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn log_softmax_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.logits + row * p.stride;
  let gradient = d_logprobs[p.d_logprobs + row];
  let shift = lse[p.lse + row];
  let column = targets[p.targets + row] - i32(p.column_start);
  for (var j = thread; j < p.columns; j += ROW_THREADS) {
    var d = 0.0;
    if (gradient != 0.0) {
      d = -gradient * exp_f32(logits[start + j] - shift);
      if (i32(j) == column) {
        d += gradient;
      }
    }
    logits[start + j] = d;
  }
}
