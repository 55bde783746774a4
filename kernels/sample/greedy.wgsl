/** The token with the largest logit of each row, the first of equal ones. */
@compute @workgroup_size(ROW_THREADS)
fn greedy(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = flat_group(group, groups);
  if (index >= p.rows) {
    return;
  }
  let row = row_of(index);
  var best = LOWEST_LOGIT;
  var token = NONE_FOUND;
  var strange = 0.0;
  for (var i = thread; i < p.vocabulary; i += ROW_THREADS) {
    let z = penalised(row, i);
    if (is_banned(row, i) || bitcast<u32>(z) == MINUS_INFINITY) {
      continue;
    }
    if (is_nan(z)) {
      strange = 1.0;
    }
    if (z > best || token == NONE_FOUND) {
      best = z;
      token = i;
    }
  }
  let highest = row_max(best, thread);
  strange = row_sum(strange, thread);
  thread_values[thread] = select(NONE_FOUND, token, best == highest);
  workgroupBarrier();
  if (thread == 0u) {
    var first = NONE_FOUND;
    for (var t = 0u; t < ROW_THREADS; t++) {
      first = min(first, thread_values[t]);
    }
    drawn = select(i32(first), NO_TOKEN, strange > 0.0 || first == NONE_FOUND);
  }
  finish(index, row, thread);
}
