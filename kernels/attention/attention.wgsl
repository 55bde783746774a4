// Twin of attention.wasm.ts, after "FlashAttention-2" (Dao 2023): o = softmax(scale · q kᵀ + bias) v
// and its log-sum-exp. `attention` takes a tile of queries, `attention_decode` one query.

struct Params {
  o: u32,
  lse: u32,
  q: u32,
  k: u32,
  v: u32,
  query_starts: u32,
  query_lengths: u32,
  key_starts: u32,
  key_lengths: u32,
  bias: u32,
  items: u32,
  heads: u32,
  /** Tiles of queries in the longest sequence, and of COLUMNS in a head. */
  blocks: u32,
  parts: u32,
  head_size: u32,
  q_stride: u32,
  k_stride: u32,
  v_stride: u32,
  causal: u32,
  reach: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> lse: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> query_starts: array<u32>;
@group(0) @binding(6) var<storage, read> query_lengths: array<u32>;
@group(0) @binding(7) var<storage, read> key_starts: array<u32>;
@group(0) @binding(8) var<storage, read> key_lengths: array<u32>;
@group(0) @binding(9) var<storage, read> bias: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

/** Softmax over the blocks of keys so far: the maximum, and Σ e^(score - maximum). */
struct Running {
  highest: f32,
  total: f32,
}

/** What they are with the next block; by what its sums and the earlier ones are to be multiplied. */
struct Merged {
  running: Running,
  earlier: f32,
  next: f32,
}

fn merge(running: Running, highest: f32, total: f32) -> Merged {
  let highest_now = max(running.highest, highest);
  let earlier = exp_f32(running.highest - highest_now);
  let next = exp_f32(highest - highest_now);
  let total_now = fma(running.total, earlier, total * next);
  return Merged(Running(highest_now, total_now), earlier, next);
}

fn query_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.q + row * p.q_stride + head * p.head_size + d;
  return keep(vec4f(q[at], q[at + 1u], q[at + 2u], q[at + 3u]), p.head_size - min(d, p.head_size));
}

fn key_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.k + row * p.k_stride + head * p.head_size + d;
  return keep(vec4f(k[at], k[at + 1u], k[at + 2u], k[at + 3u]), p.head_size - min(d, p.head_size));
}

fn value_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.v + row * p.v_stride + head * p.head_size + d;
  return vec4f(v[at], v[at + 1u], v[at + 2u], v[at + 3u]);
}

/** scale · dot + bias; LOWEST for a key that the query does not see. */
fn score(dot: f32, head: u32, key: u32, position: i32, visible: u32) -> f32 {
  if (key >= visible) {
    return LOWEST;
  }
  if (p.bias == NONE) {
    return dot * p.scale;
  }
  let distance = u32(i32(key + p.reach) - position);
  return fma(dot, p.scale, bias[p.bias + head * (2u * p.reach + 1u) + distance]);
}

var<workgroup> maxima: array<f32, TILE * 8u>;

fn row_maximum(row: u32) -> f32 {
  var highest = maxima[row * 8u];
  for (var i = 1u; i < 8u; i++) {
    highest = max(highest, maxima[row * 8u + i]);
  }
  return highest;
}

fn sum4(x: vec4f) -> f32 {
  return x.x + x.y + x.z + x.w;
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
  let query = Rows(query_starts[p.query_starts + sequence], query_lengths[p.query_lengths + sequence]);
  let key = Rows(key_starts[p.key_starts + sequence], key_lengths[p.key_lengths + sequence]);
  if (begin >= query.count) {
    return;
  }
  let line = thread / 8u;
  let lane = thread % 8u;
  let last = min(begin + TILE, query.count) - 1u;
  let limit = visible_keys(position_of(last, query.count, key.count), key.count, p.causal);
  var rows: array<Merged, 4>;
  var first_columns = mat4x4f();
  var second_columns = mat4x4f();
  for (var i = 0u; i < 4u; i++) {
    rows[i].running.highest = LOWEST;
  }

  for (var block = 0u; block < limit; block += TILE) {
    var s = mat4x4f();
    for (var d = 0u; d < p.head_size; d += TILE) {
      workgroupBarrier();
      for (var row = line; row < TILE; row += 8u) {
        let query_row = query.start + min(begin + row, last);
        left[row * PITCH + lane] = query_quad(query_row, head, d + lane * 4u);
        let key_row = key.start + min(block + row, limit - 1u);
        right[interleaved(row) * PITCH + lane] = key_quad(key_row, head, d + lane * 4u);
      }
      workgroupBarrier();
      s = dots(line, lane, s);
    }
    for (var i = 0u; i < 4u; i++) {
      let row = line + 8u * i;
      let position = position_of(begin + row, query.count, key.count);
      let visible = visible_keys(position, key.count, p.causal);
      for (var j = 0u; j < 4u; j++) {
        s[i][j] = score(s[i][j], head, block + lane * 4u + j, position, visible);
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
        right[row * PITCH + lane] = value_quad(key.start + min(block + row, limit - 1u), head, d);
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
      let at = p.o + ((query.start + row) * p.heads + head) * p.head_size + d;
      if (d < p.head_size) {
        o[at] = first_columns[i][j] * inverse;
      }
      if (d + TILE < p.head_size) {
        o[at + TILE] = second_columns[i][j] * inverse;
      }
    }
    if (p.lse != NONE && part == 0u && lane == 0u) {
      lse[p.lse + (query.start + row) * p.heads + head] = log_sum_exp(rows[i].running);
    }
  }
}

fn log_sum_exp(running: Running) -> f32 {
  if (running.total > 0.0) {
    return running.highest + log_f32(running.total);
  }
  return LOWEST;
}

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
  if (query_lengths[p.query_lengths + sequence] == 0u) {
    return;
  }
  let query_row = query_starts[p.query_starts + sequence];
  let key_start = key_starts[p.key_starts + sequence];
  let keys = key_lengths[p.key_lengths + sequence];
  let position = i32(keys) - 1;
  let column = thread % DECODE_COLUMNS;
  let lane = thread % QUADS;
  var running = Running(LOWEST, 0.0);
  var result = 0.0;

  for (var first = 0u; first < keys; first += DECODE_KEYS) {
    // Eight threads take a key's quads, then a thread adds them up.
    var dot = 0.0;
    for (var d = 0u; d < p.head_size; d += TILE) {
      let x = query_quad(query_row, head, d + lane * 4u);
      for (var i = thread / QUADS; i < DECODE_KEYS && first + i < keys; i += DECODE_KEYS / QUADS) {
        let y = key_quad(key_start + first + i, head, d + lane * 4u);
        partials[i * PITCH + lane] = quad_dot(x, y);
      }
      workgroupBarrier();
      for (var quad = 0u; quad < QUADS; quad++) {
        dot += partials[thread * PITCH + quad];
      }
      workgroupBarrier();
    }
    let s = score(dot, head, first + thread, position, keys);
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

    let blocks = min(DECODE_BLOCKS, (keys - first + TILE - 1u) / TILE);
    for (var block = thread / DECODE_COLUMNS; block < blocks; block += DECODE_KEYS / DECODE_COLUMNS) {
      var sum = 0.0;
      var total = 0.0;
      for (var i = block * TILE; i < block * TILE + TILE; i += 4u) {
        let w = vec4f(key_weights[i], key_weights[i + 1u], key_weights[i + 2u], key_weights[i + 3u]);
        // Keys past the last one weigh 0.
        let rows = key_start + min(vec4u(first + i) + vec4u(0u, 1u, 2u, 3u), vec4u(keys - 1u));
        let at = p.v + rows * p.v_stride + head * p.head_size + min(column, p.head_size - 1u);
        sum += quad_dot(w, vec4f(v[at.x], v[at.y], v[at.z], v[at.w]));
        total += sum4(w);
      }
      partials[block * DECODE_COLUMNS + column] = sum;
      if (column == 0u) {
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
  if (p.lse != NONE && thread == 0u) {
    lse[p.lse + query_row * p.heads + head] = log_sum_exp(running);
  }
}
