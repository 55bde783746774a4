// Long sums are f32, pairwise over the threads, where lm_head.wasm.ts has f64.

/** Folds a chunk into each row's running maximum, Σ e^(x-max), Σ e^(x-max) (x-max), x[target]. */
@compute @workgroup_size(ROW_THREADS)
fn log_softmax_chunk(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.logits + row * p.stride;
  let at = p.row_state + 4u * row;
  var folded = LogSoftmax(0.0, 0.0, 0.0);
  if (p.first == 0u) {
    folded = LogSoftmax(row_state[at], row_state[at + 1u], row_state[at + 2u]);
  }
  folded = fold_logits(folded, p.first != 0u, start, p.columns, thread);
  if (thread != 0u) {
    return;
  }
  row_state[at] = folded.highest;
  row_state[at + 1u] = folded.sum;
  row_state[at + 2u] = folded.moment;
  let column = targets[p.targets + row] - i32(p.column_start);
  if (column >= 0 && column < i32(p.columns)) {
    row_state[at + 3u] = logits[start + u32(column)];
  }
}
