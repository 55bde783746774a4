// Twin of attention.wasm.ts: o = softmax(scale · q kᵀ + bias) v and its log-sum-exp, for tiles of
// queries. Follows softmax.wgsl.

var<workgroup> maxima: array<f32, TILE * 8u>;

fn row_maximum(row: u32) -> f32 {
  var highest = maxima[row * 8u];
  for (var i = 1u; i < 8u; i++) {
    highest = max(highest, maxima[row * 8u + i]);
  }
  return highest;
}

/** A workgroup takes TILE queries of a head, and COLUMNS of its columns. */
@compute @workgroup_size(THREADS)
fn attention(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = flat_group(group, groups);
  if (item >= p.items) {
    return;
  }
  let part = item % p.parts;
  let begin = item / p.parts % p.blocks * TILE;
  let head = item / p.parts / p.blocks % p.heads;
  let sequence = item / p.parts / p.blocks / p.heads;
  let key_head = key_head_of(head);
  let queries = queries_of(sequence);
  let keys = keys_of(sequence);
  if (begin >= queries.count) {
    return;
  }
  let line = thread / 8u;
  let lane = thread % 8u;
  let last = min(begin + TILE, queries.count) - 1u;
  // Position of the first query: the last one stands at the last key.
  let base = i32(keys.count) - i32(queries.count);
  let limit = visible_keys(base + i32(last), keys.count);
  var rows: array<Merged, 4>;
  var first_columns = mat4x4f();
  var second_columns = mat4x4f();
  for (var i = 0u; i < 4u; i++) {
    rows[i].running.highest = LOWEST;
  }

  let first = first_visible(base + i32(begin)) / TILE * TILE;
  for (var block = first; block < limit; block += TILE) {
    var s = mat4x4f();
    for (var d = 0u; d < p.head_size; d += TILE) {
      workgroupBarrier();
      for (var row = line; row < TILE; row += 8u) {
        let query_row = queries.start + min(begin + row, last);
        left[row * PITCH + lane] = query_quad(query_row, head, d + lane * 4u);
        let key = min(block + row, limit - 1u);
        right[interleaved(row) * PITCH + lane] = key_quad(keys, key, key_head, d + lane * 4u);
      }
      workgroupBarrier();
      s = dots(line, lane, s);
    }
    for (var i = 0u; i < 4u; i++) {
      let row = line + 8u * i;
      let position = base + i32(begin + row);
      for (var j = 0u; j < 4u; j++) {
        s[i][j] = score(s[i][j], head, block + lane * 4u + j, position, keys.count);
      }
      maxima[row * 8u + lane] = max(max(s[i].x, s[i].y), max(s[i].z, s[i].w));
    }
    workgroupBarrier();
    var highest: vec4f;
    for (var i = 0u; i < 4u; i++) {
      highest[i] = row_maximum(line + 8u * i);
      for (var j = 0u; j < 4u; j++) {
        s[i][j] = select(exp_f32(s[i][j] - highest[i]), 0.0, s[i][j] == LOWEST);
      }
      weights[(line + 8u * i) * PITCH + lane] = s[i];
    }
    // Now `right` holds values; the sums of the block, then those of all blocks so far.
    for (var half = 0u; half < 2u && part * COLUMNS + half * TILE < p.head_size; half++) {
      workgroupBarrier();
      for (var row = line; row < TILE; row += 8u) {
        let d = part * COLUMNS + half * TILE + lane * 4u;
        right[row * PITCH + lane] = value_quad(keys, min(block + row, limit - 1u), key_head, d);
      }
      workgroupBarrier();
      let sums = weigh(line, lane, mat4x4f());
      if (half == 0u) {
        for (var i = 0u; i < 4u; i++) {
          var total = 0.0;
          for (var quad = 0u; quad < QUADS; quad++) {
            total += sum4(weights[(line + 8u * i) * PITCH + quad]);
          }
          rows[i] = merge(rows[i].running, highest[i], total);
          first_columns[i] = fma(first_columns[i], vec4f(rows[i].earlier), sums[i] * rows[i].next);
        }
      } else {
        for (var i = 0u; i < 4u; i++) {
          second_columns[i] = fma(second_columns[i], vec4f(rows[i].earlier), sums[i] * rows[i].next);
        }
      }
    }
  }

  for (var i = 0u; i < 4u; i++) {
    let row = begin + line + 8u * i;
    if (row > last) {
      continue;
    }
    let total = rows[i].running.total;
    let inverse = select(0.0, 1.0 / total, total > 0.0);
    for (var j = 0u; j < 4u; j++) {
      let d = part * COLUMNS + lane * 4u + j;
      let at = p.o + ((queries.start + row) * p.heads + head) * p.head_size + d;
      if (d < p.head_size) {
        o[at] = first_columns[i][j] * inverse;
      }
      if (d + TILE < p.head_size) {
        o[at + TILE] = second_columns[i][j] * inverse;
      }
    }
    if (p.lse != NONE && part == 0u && lane == 0u) {
      lse[p.lse + (queries.start + row) * p.heads + head] = log_sum_exp(rows[i].running);
    }
  }
}
