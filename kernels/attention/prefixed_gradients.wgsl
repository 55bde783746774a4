// The sequences of attention_backward.wgsl where a sequence's first keys are in a tensor of their own,
// its prefix: a launch meets either the keys of the prefix or the others. Twin of
// own_gradients.wgsl.

/** The keys are those of the prefix. */
override OF_PREFIX: bool = false;

fn pair_of(sequence: u32, head: u32) -> Pair {
  let queries = Rows(tables[p.query_starts + sequence], tables[p.query_lengths + sequence]);
  let prefix = Rows(tables[p.prefix_starts + sequence], tables[p.prefix_lengths + sequence]);
  let own = Rows(tables[p.key_starts + sequence], tables[p.key_lengths + sequence]);
  let base = i32(own.count) - i32(queries.count);
  if (OF_PREFIX) {
    return Pair(sequence, head, queries, prefix, base + i32(prefix.count));
  }
  return Pair(sequence, head, queries, own, base);
}

/** Rows are those of a prefix that several sequences may share. */
fn grouped() -> bool {
  return BY_KEY && p.order != NONE;
}

/** The sequences that have the keys of a row's owner: a group of those with one prefix, or itself. */
fn members_of(owner: u32) -> Rows {
  if (!grouped()) {
    return Rows(owner, 1u);
  }
  let start = tables[p.groups + owner];
  return Rows(start, tables[p.groups + owner + 1u] - start);
}

fn member(index: u32) -> u32 {
  if (!grouped()) {
    return index;
  }
  return tables[p.order + index];
}

/** scale · dot: a prefix comes without a bias. */
fn biased(pair: Pair, query: u32, key: u32, dot: f32) -> f32 {
  return dot * p.scale;
}
