// attention.wgsl for sequences of one query, as in decoding: a workgroup's threads share the keys, then
// quads of columns of the values by blocks of keys. Follows softmax.wgsl, and plain_heads.wgsl or
// rotated_heads.wgsl.

/** Keys that `attention_decode` takes at once: one a thread. */
const DECODE_KEYS = 256u;
const DECODE_BLOCKS = DECODE_KEYS / TILE;
/** Columns of the values side by side in the workgroup's threads: 32, 64, 128 or 256. */
override DECODE_COLUMNS: u32 = 64u;

/** Quads of dot products by key; after them the blocks' sums by column. */
var<workgroup> partials: array<f32, DECODE_KEYS * PITCH>;
var<workgroup> key_weights: array<f32, DECODE_KEYS>;
var<workgroup> block_maxima: array<f32, DECODE_BLOCKS>;
var<workgroup> block_totals: array<f32, DECODE_BLOCKS>;

/** A workgroup takes the only query of a sequence, and a head. */
@compute @workgroup_size(DECODE_KEYS)
fn attention_decode(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = flat_group(group, groups);
  if (item >= p.items) {
    return;
  }
  let head = item % p.heads;
  let sequence = item / p.heads;
  let key_head = key_head_of(head);
  let queries = queries_of(sequence);
  if (queries.count == 0u) {
    return;
  }
  let query_row = queries.start;
  let keys = keys_of(sequence);
  prepare(query_row, head, keys, thread);
  let position = i32(keys.count) - 1;
  let column = thread % DECODE_COLUMNS;
  let quad_columns = DECODE_COLUMNS / 4u;
  // Columns past the head's end are computed from its last ones, and not used.
  let value_column = min(thread % quad_columns * 4u, (p.head_size - 1u) / 4u * 4u);
  let lane = thread % QUADS;
  var running = Running(LOWEST, 0.0);
  var result = 0.0;

  let first_block = first_visible(position) / TILE * TILE;
  for (var first = first_block; first < keys.count; first += DECODE_KEYS) {
    // Eight threads take a key's quads, then a thread adds them up.
    var dot = 0.0;
    for (var d = 0u; d < p.head_size; d += TILE) {
      let x = decode_query(query_row, head, d + lane * 4u);
      let count = min(DECODE_KEYS, keys.count - first);
      for (var i = thread / QUADS; i < count; i += DECODE_KEYS / QUADS) {
        let y = decode_key(keys, first + i, key_head, d + lane * 4u);
        partials[i * PITCH + lane] = quad_dot(x, y);
      }
      workgroupBarrier();
      for (var quad = 0u; quad < QUADS; quad++) {
        dot += partials[thread * PITCH + quad];
      }
      workgroupBarrier();
    }
    let s = score(dot, head, first + thread, position, keys.count);
    key_weights[thread] = s;
    workgroupBarrier();
    var highest = LOWEST;
    for (var i = 0u; i < TILE; i++) {
      highest = max(highest, key_weights[thread / TILE * TILE + i]);
    }
    workgroupBarrier();
    key_weights[thread] = select(exp_f32(s - highest), 0.0, s == LOWEST);
    if (thread % TILE == 0u) {
      block_maxima[thread / TILE] = highest;
    }
    workgroupBarrier();

    let blocks = min(DECODE_BLOCKS, (keys.count - first + TILE - 1u) / TILE);
    for (var block = thread / quad_columns; block < blocks; block += DECODE_KEYS / quad_columns) {
      var sum = vec4f();
      var total = 0.0;
      for (var i = block * TILE; i < block * TILE + TILE; i += 4u) {
        let w = vec4f(key_weights[i], key_weights[i + 1u], key_weights[i + 2u], key_weights[i + 3u]);
        // Keys past the last one weigh 0.
        let key = min(vec4u(first + i) + vec4u(0u, 1u, 2u, 3u), vec4u(keys.count - 1u));
        let y = mat4x4f(
          value_quad(keys, key.x, key_head, value_column),
          value_quad(keys, key.y, key_head, value_column),
          value_quad(keys, key.z, key_head, value_column),
          value_quad(keys, key.w, key_head, value_column),
        );
        sum += quad_combine(w, y);
        total += sum4(w);
      }
      let at = block * DECODE_COLUMNS + thread % quad_columns * 4u;
      for (var i = 0u; i < 4u; i++) {
        partials[at + i] = sum[i];
      }
      if (thread % quad_columns == 0u) {
        block_totals[block] = total;
      }
    }
    workgroupBarrier();
    for (var block = 0u; block < blocks; block++) {
      let merged = merge(running, block_maxima[block], block_totals[block]);
      let sum = partials[block * DECODE_COLUMNS + column];
      result = fma(result, merged.earlier, sum * merged.next);
      running = merged.running;
    }
    workgroupBarrier();
  }

  if (thread < p.head_size) {
    let inverse = select(0.0, 1.0 / running.total, running.total > 0.0);
    o[p.o + (query_row * p.heads + head) * p.head_size + thread] = result * inverse;
  }
  if (thread == 0u) {
    finish(query_row, head, running);
  }
}
