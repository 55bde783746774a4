/**
 * dTable[ids[i], :] += dOut[i, :], but for the padding. A workgroup takes one i; the one with an id's first occurrence
 * adds up all of them, in order, so that no two write one row.
 */
@compute @workgroup_size(ROW_THREADS)
fn embedding_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = flat_group(group, groups);
  if (first >= p.count) {
    return;
  }
  let id = ids[p.ids + first] - p.first_row;
  if (id >= p.rows || ids[p.ids + first] == p.padding) {
    return;
  }
  for (var i = 0u; i < first; i++) {
    if (ids[p.ids + i] - p.first_row == id) {
      return;
    }
  }
  for (var i = first; i < p.count; i++) {
    if (ids[p.ids + i] - p.first_row == id) {
      for (var column = thread; column < p.width; column += ROW_THREADS) {
        d_table[p.d_table + id * p.width + column] += d_out[p.d_out + i * p.width + column];
      }
    }
  }
}
