// The operands of attention.wgsl and attention_decode.wgsl where a sequence's first keys, its prefix,
// are in `prefix_k` and `prefix_v`, and its others in `k` and `v`. Twin of own_keys.wgsl.

/** The keys of one sequence: `prefix` of them from row `prefix_start` on, the others from `start` on. */
struct Keys {
  prefix_start: u32,
  prefix: u32,
  start: u32,
  count: u32,
}

fn queries_of(sequence: u32) -> Rows {
  return Rows(tables[p.query_starts + sequence], tables[p.query_lengths + sequence]);
}

fn keys_of(sequence: u32) -> Keys {
  let prefix = tables[p.prefix_lengths + sequence];
  return Keys(
    tables[p.prefix_starts + sequence],
    prefix,
    tables[p.key_starts + sequence],
    prefix + tables[p.key_lengths + sequence],
  );
}

/** The columns d … d + 3 of a key's head; 0 past the head's end. */
fn key_quad(keys: Keys, key: u32, key_head: u32, d: u32) -> vec4f {
  let column = key_head * p.head_size + d;
  var quad: vec4f;
  if (key < keys.prefix) {
    let at = p.prefix_k + (keys.prefix_start + key) * p.prefix_k_stride + column;
    quad = prefix_k_quad(at);
  } else {
    let at = p.k + (keys.start + key - keys.prefix) * p.k_stride + column;
    quad = k_quad(at);
  }
  return keep(quad, p.head_size - min(d, p.head_size));
}

fn value_quad(keys: Keys, key: u32, key_head: u32, d: u32) -> vec4f {
  let column = key_head * p.head_size + d;
  if (key < keys.prefix) {
    let at = p.prefix_v + (keys.prefix_start + key) * p.prefix_v_stride + column;
    return prefix_v_quad(at);
  }
  let at = p.v + (keys.start + key - keys.prefix) * p.v_stride + column;
  return v_quad(at);
}

/** scale · dot: a prefix comes without a bias. */
fn biased(dot: f32, head: u32, key: u32, position: i32) -> f32 {
  return dot * p.scale;
}
