override BF16: bool = false;

/** out[i, :] = table[ids[i], :] (+ out[i, :]); one thread an element. */
@compute @workgroup_size(256)
fn embedding(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at >= p.count * p.width) {
    return;
  }
  // A negative id is a large one, as is one before the first row.
  let id = ids[p.ids + at / p.width] - p.first_row;
  var value = 0.0;
  if (id < p.rows) {
    let element = id * p.width + at % p.width;
    if (BF16) {
      value = widen_bf16(table[p.table + element / 2u], element);
    } else {
      value = bitcast<f32>(table[p.table + element]);
    }
  }
  if (p.accumulate != 0u) {
    value += out[p.out + at];
  }
  out[p.out + at] = value;
}
