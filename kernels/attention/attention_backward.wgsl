// Gradients of attention.wgsl, after "FlashAttention-2" (Dao 2023): with the probabilities
// P = e^(S - lse), dV = Pᵀ dO, dS = P ∘ (dO Vᵀ - delta), dQ = scale · dS K and dK = scale · dSᵀ Q. All
// three are W Y, where a tile of W is computed from products A Bᵀ and A2 B2ᵀ:
//
//        A   B   A2   B2   W                Y
//   dQ   Q   K   dO   V    scale · dS       K
//   dK   K   Q   V    dO   scale · dSᵀ      Q
//   dV   K   Q        dO   Pᵀ               dO
//
// Y is B2 for dV, B for the others.

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
  if (OF_VALUES) {
    return b2_quad(row, head, d);
  }
  return b_quad(row, head, d);
}

/** A query head of a sequence, and the keys that it meets here. */
struct Pair {
  sequence: u32,
  head: u32,
  queries: Rows,
  keys: Rows,
  /** Position of the first query, counted from the first of `keys`. */
  base: i32,
}

/** The rows of the gradient. */
fn rows_of(pair: Pair) -> Rows {
  if (BY_KEY) {
    return pair.keys;
  }
  return pair.queries;
}

/** Place of a query's lse in `statistics`; delta follows it. */
fn statistics_of(pair: Pair, query: u32) -> u32 {
  return p.statistics + ((pair.sequence * p.heads + pair.head) * p.max_queries + query) * 2u;
}

/** Probability of a key that the query sees, from q · k. */
fn probability(pair: Pair, query: u32, key: u32, dot: f32) -> f32 {
  return exp_f32(biased(pair, query, key, dot) - statistics[statistics_of(pair, query)]);
}

/** Gradient of the score: dot2 is dO · v. */
fn score_gradient(pair: Pair, query: u32, probability: f32, dot2: f32) -> f32 {
  return probability * (dot2 - statistics[statistics_of(pair, query) + 1u]);
}

fn sees(pair: Pair, query: u32, key: u32) -> bool {
  let position = pair.base + i32(query);
  return key >= first_visible(position) && key < visible_keys(position, pair.keys.count);
}

/** An element of W. */
fn weight(pair: Pair, row: u32, column: u32, dot: f32, dot2: f32) -> f32 {
  let query = select(row, column, BY_KEY);
  let key = select(column, row, BY_KEY);
  if (query >= pair.queries.count || !sees(pair, query, key)) {
    return 0.0;
  }
  let share = probability(pair, query, key, dot);
  return select(p.scale * score_gradient(pair, query, share, dot2), share, OF_VALUES);
}

/** The columns that any of the rows `first` … `last` sees, or is seen by; from the start of a tile on. */
fn met_columns(pair: Pair, first: u32, last: u32) -> vec2u {
  if (!BY_KEY) {
    let end = visible_keys(pair.base + i32(last), pair.keys.count);
    return vec2u(first_visible(pair.base + i32(first)) / TILE * TILE, end);
  }
  if (p.causal == 0u) {
    return vec2u(0u, pair.queries.count);
  }
  let begin = u32(max(i32(first) - pair.base, 0)) / TILE * TILE;
  let end = clamp(i32(last + p.window) - pair.base, 0, i32(pair.queries.count));
  return vec2u(begin, u32(end));
}

/**
 * A workgroup takes TILE rows of the gradient in a head, and COLUMNS of its columns. A row of a query
 * gets a sum over its keys; a key's over the sequences that have it, the query heads that read it,
 * and their queries, in this order.
 */
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
  let row_heads = select(p.heads, p.key_heads, BY_KEY);
  let row_head = index / p.parts / p.blocks % row_heads;
  let members = members_of(index / p.parts / p.blocks / row_heads);
  let heads = p.heads / row_heads;
  let rows = rows_of(pair_of(member(members.start), row_head * heads));
  if (begin >= rows.count) {
    return;
  }
  let line = thread / 8u;
  let lane = thread % 8u;
  let last = min(begin + TILE, rows.count) - 1u;
  var first_sums = mat4x4f();
  var second_sums = mat4x4f();

  for (var turn = 0u; turn < members.count * heads; turn++) {
    let pair = pair_of(member(members.start + turn / heads), row_head * heads + turn % heads);
    var columns = pair.keys;
    var column_head = key_head_of(pair.head);
    if (BY_KEY) {
      columns = pair.queries;
      column_head = pair.head;
    }
    let met = met_columns(pair, begin, last);
    for (var block = met.x; block < met.y; block += TILE) {
      var s = mat4x4f();
      var s2 = mat4x4f();
      for (var d = 0u; d < p.head_size; d += TILE) {
        workgroupBarrier();
        for (var i = line; i < TILE; i += 8u) {
          let row = rows.start + min(begin + i, last);
          left[i * PITCH + lane] = a_quad(row, row_head, d + lane * 4u);
          let column = columns.start + min(block + i, met.y - 1u);
          right[interleaved(i) * PITCH + lane] = b_quad(column, column_head, d + lane * 4u);
        }
        workgroupBarrier();
        s = dots(line, lane, s);
        if (!OF_VALUES) {
          workgroupBarrier();
          for (var i = line; i < TILE; i += 8u) {
            let row = rows.start + min(begin + i, last);
            left[i * PITCH + lane] = a2_quad(row, row_head, d + lane * 4u);
            let column = columns.start + min(block + i, met.y - 1u);
            right[interleaved(i) * PITCH + lane] = b2_quad(column, column_head, d + lane * 4u);
          }
          workgroupBarrier();
          s2 = dots(line, lane, s2);
        }
      }
      for (var i = 0u; i < 4u; i++) {
        let row = line + 8u * i;
        var w: vec4f;
        for (var j = 0u; j < 4u; j++) {
          w[j] = weight(pair, begin + row, block + lane * 4u + j, s[i][j], s2[i][j]);
        }
        weights[row * PITCH + lane] = w;
      }
      for (var half = 0u; half < 2u && part * COLUMNS + half * TILE < p.head_size; half++) {
        workgroupBarrier();
        for (var i = line; i < TILE; i += 8u) {
          let d = part * COLUMNS + half * TILE + lane * 4u;
          let column = columns.start + min(block + i, met.y - 1u);
          right[i * PITCH + lane] = y_quad(column, column_head, d);
        }
        workgroupBarrier();
        if (half == 0u) {
          first_sums = weigh(line, lane, first_sums);
        } else {
          second_sums = weigh(line, lane, second_sums);
        }
      }
    }
  }

  for (var i = 0u; i < 4u; i++) {
    let row = begin + line + 8u * i;
    for (var j = 0u; j < 8u && row <= last; j++) {
      let d = part * COLUMNS + j / 4u * TILE + lane * 4u + j % 4u;
      if (d < p.head_size) {
        let at = p.out + (rows.start + row) * p.out_stride + row_head * p.head_size + d;
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
  let pair = pair_of(at / length / p.heads, at / length % p.heads);
  let key_head = key_head_of(pair.head);
  let distance = i32(at % length) - i32(p.reach);
  var sum = 0.0;
  for (var query = 0u; query < pair.queries.count; query++) {
    let key = u32(pair.base + i32(query) + distance);
    if (pair.base + i32(query) + distance < 0 || !sees(pair, query, key)) {
      continue;
    }
    var dot = 0.0;
    var dot2 = 0.0;
    for (var d = 0u; d < p.head_size; d += 4u) {
      let row = pair.queries.start + query;
      let column = pair.keys.start + key;
      dot += quad_dot(a_quad(row, pair.head, d), b_quad(column, key_head, d));
      dot2 += quad_dot(a2_quad(row, pair.head, d), b2_quad(column, key_head, d));
    }
    sum += score_gradient(pair, query, probability(pair, query, key, dot), dot2);
  }
  out[p.out + at] = sum;
}
