// Twin of embedding.wasm.ts.

struct Params {
  out: u32,
  table: u32,
  ids: u32,
  count: u32,
  rows: u32,
  width: u32,
  accumulate: u32,
  /** The table's first row that is bound. */
  first_row: u32,
}

struct BackwardParams {
  d_table: u32,
  d_out: u32,
  ids: u32,
  count: u32,
  rows: u32,
  width: u32,
  first_row: u32,
}

override BF16: bool = false;

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(1) var<storage, read> d_out: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
@group(1) @binding(0) var<uniform> q: BackwardParams;

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

/**
 * dTable[ids[i], :] += dOut[i, :]. A workgroup takes one i; the one with an id's first occurrence
 * adds up all of them, in order, so that no two write one row.
 */
@compute @workgroup_size(ROW_THREADS)
fn embedding_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let first = flat_group(group, groups);
  if (first >= q.count) {
    return;
  }
  let id = ids[q.ids + first] - q.first_row;
  if (id >= q.rows) {
    return;
  }
  for (var i = 0u; i < first; i++) {
    if (ids[q.ids + i] - q.first_row == id) {
      return;
    }
  }
  for (var i = first; i < q.count; i++) {
    if (ids[q.ids + i] - q.first_row == id) {
      for (var column = thread; column < q.width; column += ROW_THREADS) {
        out[q.d_table + id * q.width + column] += d_out[q.d_out + i * q.width + column];
      }
    }
  }
}
