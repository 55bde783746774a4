// The sequences of attention_backward.wgsl where all keys of a sequence are in one tensor: tables of
// rows, and a bias. Twin of prefixed_gradients.wgsl.

fn pair_of(sequence: u32, head: u32) -> Pair {
  let queries = Rows(tables[p.query_starts + sequence], tables[p.query_lengths + sequence]);
  let keys = Rows(tables[p.key_starts + sequence], tables[p.key_lengths + sequence]);
  return Pair(sequence, head, queries, keys, i32(keys.count) - i32(queries.count));
}

/** The sequences that have the keys of a row's owner: itself. */
fn members_of(owner: u32) -> Rows {
  return Rows(owner, 1u);
}

fn member(index: u32) -> u32 {
  return index;
}

/** scale · dot + bias */
fn biased(pair: Pair, query: u32, key: u32, dot: f32) -> f32 {
  var score = dot * p.scale;
  if (p.bias != NONE) {
    let distance = u32(i32(key + p.reach) - pair.base - i32(query));
    score += bias[p.bias + pair.head * (2u * p.reach + 1u) + distance];
  }
  return score;
}
