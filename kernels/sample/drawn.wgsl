// Common to sample.wgsl and greedy.wgsl: a workgroup takes a row, and the thread that finds
// the token leaves it for `finish`.

const NO_TOKEN = -1;

/** -∞, made at run time: WGSL refuses it in a constant. */
fn minus_infinity(zero: u32) -> f32 {
  return bitcast<f32>(0xff800000u | zero);
}

var<workgroup> thread_values: array<u32, ROW_THREADS>;

/** The token that a thread of the workgroup has found. */
var<workgroup> drawn: i32;

/** Writes the token that was found, and its logprob before temperature, top-k and top-p. */
fn finish(index: u32, start: u32, thread: u32) {
  workgroupBarrier();
  let token = drawn;
  if (thread == 0u) {
    tokens[p.tokens + index] = token;
  }
  if (p.logprobs == NONE) {
    return;
  }
  var folded = LogSoftmax(0.0, 0.0, 0.0);
  for (var first = 0u; first < p.vocabulary; first += LOGITS_CHUNK) {
    let columns = min(LOGITS_CHUNK, p.vocabulary - first);
    folded = fold_logits(folded, first == 0u, start + first, columns, thread);
  }
  if (thread == 0u && token >= 0) {
    let logit = logits[start + u32(token)];
    logprobs[p.logprobs + index] = logprob_of(logit, folded.highest, log_f32(folded.sum));
  }
}
