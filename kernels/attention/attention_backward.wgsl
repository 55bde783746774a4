// Gradients of attention.wgsl, after "FlashAttention-2" (Dao 2023): with the probabilities
// P = e^(S - lse), dV = Pᵀ dO, dS = P ∘ (dO Vᵀ - delta), dQ = scale · dS K and dK = scale · dSᵀ Q. All
// three are W Y, where a tile of W is computed from products A Bᵀ and A2 B2ᵀ:
//
//        A   B   A2   B2   W                Y
//   dQ   Q   K   dO   V    scale · dS       K
//   dK   K   Q   V    dO   scale · dSᵀ      Q
//   dV   K   Q             Pᵀ               dO

/** A's rows are keys, B's queries: dK and dV. */
override BY_KEY: bool = false;
/** W is P, without its gradient: dV. */
override OF_VALUES: bool = false;

/** The columns d … d + 3 of a row of a head; 0 past the head's end. */
fn a_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.a + row * p.a_stride + head * p.head_size + d;
  return keep(vec4f(a[at], a[at + 1u], a[at + 2u], a[at + 3u]), p.head_size - min(d, p.head_size));
}

fn b_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.b + row * p.b_stride + head * p.head_size + d;
  return keep(vec4f(b[at], b[at + 1u], b[at + 2u], b[at + 3u]), p.head_size - min(d, p.head_size));
}

fn a2_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.a2 + row * p.a2_stride + head * p.head_size + d;
  let quad = vec4f(a2[at], a2[at + 1u], a2[at + 2u], a2[at + 3u]);
  return keep(quad, p.head_size - min(d, p.head_size));
}

fn b2_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.b2 + row * p.b2_stride + head * p.head_size + d;
  let quad = vec4f(b2[at], b2[at + 1u], b2[at + 2u], b2[at + 3u]);
  return keep(quad, p.head_size - min(d, p.head_size));
}

fn y_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.y + row * p.y_stride + head * p.head_size + d;
  return vec4f(y[at], y[at + 1u], y[at + 2u], y[at + 3u]);
}

/** A sequence and a head. */
struct Item {
  sequence: u32,
  head: u32,
  queries: Rows,
  keys: Rows,
}

fn item_of(index: u32) -> Item {
  let sequence = index / p.heads;
  return Item(
    sequence,
    index % p.heads,
    Rows(query_starts[p.query_starts + sequence], query_lengths[p.query_lengths + sequence]),
    Rows(key_starts[p.key_starts + sequence], key_lengths[p.key_lengths + sequence]),
  );
}

/** Probability of a key that the query sees, from q · k. */
fn probability(item: Item, query: u32, key: u32, dot: f32) -> f32 {
  var score = dot * p.scale;
  if (p.bias != NONE) {
    let position = position_of(query, item.queries.count, item.keys.count);
    let distance = u32(i32(key + p.reach) - position);
    score += bias[p.bias + item.head * (2u * p.reach + 1u) + distance];
  }
  return exp_f32(score - lse[p.lse + (item.queries.start + query) * p.heads + item.head]);
}

/** Gradient of the score: dot2 is dO · v. */
fn score_gradient(item: Item, query: u32, probability: f32, dot2: f32) -> f32 {
  let at = (item.sequence * p.heads + item.head) * p.max_queries + query;
  return probability * (dot2 - delta[p.delta + at]);
}

/** An element of W. */
fn weight(item: Item, row: u32, column: u32, dot: f32, dot2: f32) -> f32 {
  let query = select(row, column, BY_KEY);
  let key = select(column, row, BY_KEY);
  let position = position_of(query, item.queries.count, item.keys.count);
  if (query >= item.queries.count || key >= visible_keys(position, item.keys.count, p.causal)) {
    return 0.0;
  }
  let share = probability(item, query, key, dot);
  return select(p.scale * score_gradient(item, query, share, dot2), share, OF_VALUES);
}

/** A workgroup takes TILE rows of the gradient in a head, and COLUMNS of its columns. */
@compute @workgroup_size(THREADS)
fn attention_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = flat_group(group, groups);
  if (index >= p.items) {
    return;
  }
  let part = index % p.parts;
  let begin = index / p.parts % p.blocks * TILE;
  let item = item_of(index / p.parts / p.blocks);
  var rows = item.queries;
  var columns = item.keys;
  if (BY_KEY) {
    rows = item.keys;
    columns = item.queries;
  }
  if (begin >= rows.count) {
    return;
  }
  let line = thread / 8u;
  let lane = thread % 8u;
  let last = min(begin + TILE, rows.count) - 1u;
  // The columns that any of the rows sees, or is seen by.
  var first_column = 0u;
  var end = columns.count;
  if (BY_KEY && p.causal != 0u) {
    let first_query = i32(begin + item.queries.count) - i32(item.keys.count);
    first_column = u32(max(first_query, 0)) / TILE * TILE;
  }
  if (!BY_KEY) {
    end = visible_keys(position_of(last, rows.count, columns.count), columns.count, p.causal);
  }
  var first_sums = mat4x4f();
  var second_sums = mat4x4f();

  for (var block = first_column; block < end; block += TILE) {
    var s = mat4x4f();
    var s2 = mat4x4f();
    for (var d = 0u; d < p.head_size; d += TILE) {
      workgroupBarrier();
      for (var i = line; i < TILE; i += 8u) {
        left[i * PITCH + lane] = a_quad(rows.start + min(begin + i, last), item.head, d + lane * 4u);
        let column = columns.start + min(block + i, end - 1u);
        right[interleaved(i) * PITCH + lane] = b_quad(column, item.head, d + lane * 4u);
      }
      workgroupBarrier();
      s = dots(line, lane, s);
      if (!OF_VALUES) {
        workgroupBarrier();
        for (var i = line; i < TILE; i += 8u) {
          let row = rows.start + min(begin + i, last);
          left[i * PITCH + lane] = a2_quad(row, item.head, d + lane * 4u);
          let column = columns.start + min(block + i, end - 1u);
          right[interleaved(i) * PITCH + lane] = b2_quad(column, item.head, d + lane * 4u);
        }
        workgroupBarrier();
        s2 = dots(line, lane, s2);
      }
    }
    for (var i = 0u; i < 4u; i++) {
      let row = line + 8u * i;
      var w: vec4f;
      for (var j = 0u; j < 4u; j++) {
        w[j] = weight(item, begin + row, block + lane * 4u + j, s[i][j], s2[i][j]);
      }
      weights[row * PITCH + lane] = w;
    }
    for (var half = 0u; half < 2u && part * COLUMNS + half * TILE < p.head_size; half++) {
      workgroupBarrier();
      for (var i = line; i < TILE; i += 8u) {
        let d = part * COLUMNS + half * TILE + lane * 4u;
        right[i * PITCH + lane] = y_quad(columns.start + min(block + i, end - 1u), item.head, d);
      }
      workgroupBarrier();
      if (half == 0u) {
        first_sums = weigh(line, lane, first_sums);
      } else {
        second_sums = weigh(line, lane, second_sums);
      }
    }
  }

  for (var i = 0u; i < 4u; i++) {
    let row = begin + line + 8u * i;
    for (var j = 0u; j < 8u && row <= last; j++) {
      let d = part * COLUMNS + j / 4u * TILE + lane * 4u + j % 4u;
      if (d < p.head_size) {
        let at = p.out + (rows.start + row) * p.out_stride + item.head * p.head_size + d;
        let sum = select(second_sums[i][j % 4u], first_sums[i][j % 4u], j < 4u);
        if (p.accumulate != 0u) {
          out[at] += sum;
        } else {
          out[at] = sum;
        }
      }
    }
  }
}

/**
 * A sequence's gradient of the bias, Σ dS over the pairs at one distance; operands as for dQ. One
 * thread a distance, with scores of its own: slower than a tile, but nothing else is rarely needed.
 */
@compute @workgroup_size(64)
fn attention_bias_partials(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 64u + thread;
  let length = 2u * p.reach + 1u;
  if (at >= p.items * length) {
    return;
  }
  let item = item_of(at / length);
  let distance = i32(at % length) - i32(p.reach);
  var sum = 0.0;
  for (var query = 0u; query < item.queries.count; query++) {
    let position = position_of(query, item.queries.count, item.keys.count);
    let key = u32(position + distance);
    if (position + distance < 0 || key >= visible_keys(position, item.keys.count, p.causal)) {
      continue;
    }
    var dot = 0.0;
    var dot2 = 0.0;
    for (var d = 0u; d < p.head_size; d += 4u) {
      let row = item.queries.start + query;
      let column = item.keys.start + key;
      dot += quad_dot(a_quad(row, item.head, d), b_quad(column, item.head, d));
      dot2 += quad_dot(a2_quad(row, item.head, d), b2_quad(column, item.head, d));
    }
    sum += score_gradient(item, query, probability(item, query, key, dot), dot2);
  }
  out[p.out + at] = sum;
}
