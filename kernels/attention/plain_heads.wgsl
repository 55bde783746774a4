// Queries and keys of attention_decode.wgsl that are in memory as the attention takes them. Twin of
// rotated_heads.wgsl.

fn prepare(row: u32, head: u32, keys: Keys, thread: u32) {}

fn finish(row: u32, head: u32, running: Running) {
  if (p.lse != NONE) {
    lse[p.lse + row * p.heads + head] = log_sum_exp(running);
  }
}

fn decode_query(row: u32, head: u32, d: u32) -> vec4f {
  return query_quad(row, head, d);
}

fn decode_key(keys: Keys, key: u32, key_head: u32, d: u32) -> vec4f {
  return key_quad(keys, key, key_head, d);
}
