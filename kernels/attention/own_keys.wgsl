// The operands of attention.wgsl and attention_decode.wgsl where all keys of a sequence are in `k` and
// `v`: tables of rows, and a bias. Twin of prefixed_keys.wgsl.

/** The keys of one sequence, which begin at row `start`. */
struct Keys {
  start: u32,
  count: u32,
}

fn queries_of(sequence: u32) -> Rows {
  return Rows(tables[p.query_starts + sequence], tables[p.query_lengths + sequence]);
}

fn keys_of(sequence: u32) -> Keys {
  return Keys(tables[p.key_starts + sequence], tables[p.key_lengths + sequence]);
}

/** The columns d … d + 3 of a key's head; 0 past the head's end. */
fn key_quad(keys: Keys, key: u32, key_head: u32, d: u32) -> vec4f {
  let at = p.k + (keys.start + key) * p.k_stride + key_head * p.head_size + d;
  return keep(k_quad(at), p.head_size - min(d, p.head_size));
}

fn value_quad(keys: Keys, key: u32, key_head: u32, d: u32) -> vec4f {
  let at = p.v + (keys.start + key) * p.v_stride + key_head * p.head_size + d;
  return v_quad(at);
}

/** scale · dot + bias */
fn biased(dot: f32, head: u32, key: u32, position: i32) -> f32 {
  if (p.bias == NONE) {
    return dot * p.scale;
  }
  let distance = u32(i32(key + p.reach) - position);
  return fma(dot, p.scale, bias[p.bias + head * (2u * p.reach + 1u) + distance]);
}
