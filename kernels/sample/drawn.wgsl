// Common to sample.wgsl and greedy.wgsl: a workgroup takes a row, and the thread that finds
// the token leaves it for `finish`.

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
