// Common to the kernels that take the next token: a row of logits, and what they go through first.

/** The bits of -∞. */
const MINUS_INFINITY = 0xff800000u;

/** The least number; WGSL may take it that there is no infinity. */
const LOWEST_LOGIT = -3.4028234663852886e38;

/** Token of a row whose logits are no distribution. */
const NO_TOKEN = -1;

/** Token of a thread or a part without a candidate. */
const NONE_FOUND = 0x7fffffffu;

/** A row of logits, and what they go through first. */
struct Row {
  /** First logit. */
  start: u32,
  /** First word of the set of tokens that may not come; NONE for none. */
  banned: u32,
  /** First word of the set of tokens that are penalised; NONE for none. */
  seen: u32,
}

fn row_of(index: u32) -> Row {
  var row: Row;
  row.start = p.logits + index * p.vocabulary;
  row.banned = select(NONE, p.ends, positions[p.positions + index] < i32(p.min_length));
  row.seen = NONE;
  if (p.seen != NONE) {
    row.seen = p.seen + seen_rows[p.seen_rows + index] * ((p.vocabulary + 31u) / 32u);
  }
  return row;
}

fn is_banned(row: Row, token: u32) -> bool {
  // Without an end token, p.ends is NONE, too.
  if (row.banned == NONE) {
    return false;
  }
  return ((ends[row.banned + token / 32u] >> (token % 32u)) & 1u) != 0u;
}

/** A logit after the repetition penalty. */
fn penalised(row: Row, token: u32) -> f32 {
  let z = logits[row.start + token];
  if (row.seen == NONE) {
    return z;
  }
  let is_seen = ((seen[row.seen + token / 32u] >> (token % 32u)) & 1u) != 0u;
  let changed = select(z / p.repetition_penalty, z * p.repetition_penalty, z < 0.0);
  return select(z, changed, is_seen);
}
