// Common to sample.wgsl and greedy.wgsl: a workgroup takes a row, and the thread that finds
// the token leaves it for `finish`.

const NO_TOKEN = -1;

/** The bits of -∞. */
const MINUS_INFINITY = 0xff800000u;

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

var<workgroup> thread_values: array<u32, ROW_THREADS>;

/** The token that a thread of the workgroup has found. */
var<workgroup> drawn: i32;

/** Writes the token that was found, and its logprob before anything that the logits go through. */
fn finish(index: u32, row: Row, thread: u32) {
  storageBarrier();
  workgroupBarrier();
  let token = drawn;
  if (thread == 0u) {
    tokens[p.tokens + index] = token;
    if (row.seen != NONE && token >= 0) {
      seen[row.seen + u32(token) / 32u] |= 1u << (u32(token) % 32u);
    }
  }
  if (p.logprobs == NONE) {
    return;
  }
  var folded = LogSoftmax(0.0, 0.0, 0.0);
  for (var first = 0u; first < p.vocabulary; first += LOGITS_CHUNK) {
    let columns = min(LOGITS_CHUNK, p.vocabulary - first);
    folded = fold_logits(folded, first == 0u, row.start + first, columns, thread);
  }
  if (thread == 0u && token >= 0) {
    let logit = logits[row.start + u32(token)];
    results[p.logprobs + index] = logprob_of(logit, folded.highest, log_f32(folded.sum));
  }
}
