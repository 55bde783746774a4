// Queries and last keys of attention_decode.wgsl that are yet to be rotated: every workgroup rotates its
// own, and the first of those with the same key puts it where the next steps look for it. Sums and
// products are those of ../rotary, bit for bit. Twin of plain_heads.wgsl.

var<workgroup> rotated_query: array<f32, DECODE_KEYS>;
var<workgroup> rotated_key: array<f32, DECODE_KEYS>;
/** Sums of squares, of the query's head and then of the key's. */
var<workgroup> head_squares: array<f32, HEAD_THREADS * 2u>;

/** Nothing: single steps are not differentiated. */
fn finish(row: u32, head: u32, running: Running) {}

fn prepare(row: u32, head: u32, keys: Keys, thread: u32) {
  let half = p.head_size / 2u;
  let key_head = key_head_of(head);
  let query_at = p.q + row * p.q_stride + head * p.head_size;
  let key_at = p.new_k + (row * p.key_heads + key_head) * p.head_size;
  var query_scale = 1.0;
  var key_scale = 1.0;
  if (p.q_weight != NONE) {
    var sum = 0.0;
    if (thread < HEAD_THREADS * 2u) {
      let start = select(query_at, key_at, thread >= HEAD_THREADS);
      for (var i = thread % HEAD_THREADS; i < p.head_size; i += HEAD_THREADS) {
        sum = fma(raw[start + i], raw[start + i], sum);
      }
      head_squares[thread] = sum;
    }
    workgroupBarrier();
    for (var step = HEAD_THREADS / 2u; step > 0u; step >>= 1u) {
      if (thread < HEAD_THREADS * 2u && thread % HEAD_THREADS < step) {
        head_squares[thread] += head_squares[thread + step];
      }
      workgroupBarrier();
    }
    query_scale = 1.0 / sqrt(head_squares[0] / f32(p.head_size) + p.eps);
    key_scale = 1.0 / sqrt(head_squares[HEAD_THREADS] / f32(p.head_size) + p.eps);
  }
  let angles_at = p.angles + tables[p.positions + row] * p.head_size;
  if (thread < p.head_size) {
    let is_key = thread >= half;
    let i = thread % half;
    let start = select(query_at, key_at, is_key);
    var a = raw[start + i];
    var b = raw[start + half + i];
    if (p.q_weight != NONE) {
      let scale = select(query_scale, key_scale, is_key);
      let weight_at = select(p.q_weight, p.k_weight, is_key);
      a = a * scale * (norms[weight_at + i] + p.weight_offset);
      b = b * scale * (norms[weight_at + half + i] + p.weight_offset);
    }
    let cosine = angles[angles_at + i];
    let sine = angles[angles_at + half + i];
    let first = fma(-b, sine, a * cosine);
    let second = fma(a, sine, b * cosine);
    if (is_key) {
      rotated_key[i] = first;
      rotated_key[half + i] = second;
    } else {
      rotated_query[i] = first;
      rotated_query[half + i] = second;
    }
  }
  workgroupBarrier();
  let is_first = head == 0u || key_head_of(head - 1u) != key_head;
  if (is_first && thread < p.head_size / 4u) {
    let own = keys.start + keys.count - 1u - keys.prefix;
    let at = p.k + own * p.k_stride + key_head * p.head_size;
    kept[at / 4u + thread] = four_of_key(thread * 4u);
  }
}

fn four_of_key(d: u32) -> vec4f {
  return vec4f(rotated_key[d], rotated_key[d + 1u], rotated_key[d + 2u], rotated_key[d + 3u]);
}

fn decode_query(row: u32, head: u32, d: u32) -> vec4f {
  if (d >= p.head_size) {
    return vec4f();
  }
  return vec4f(rotated_query[d], rotated_query[d + 1u], rotated_query[d + 2u], rotated_query[d + 3u]);
}

fn decode_key(keys: Keys, key: u32, key_head: u32, d: u32) -> vec4f {
  if (key + 1u < keys.count) {
    return key_quad(keys, key, key_head, d);
  }
  if (d >= p.head_size) {
    return vec4f();
  }
  return four_of_key(d);
}
