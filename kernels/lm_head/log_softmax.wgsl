// The running log-softmax of a row of the binding `logits`: training folds it chunk by chunk
// (log_softmax_chunk.wgsl), decoding all at once or the chunks side by side (../sample), and all give
// the same, bit for bit.

/** Running log-softmax of the logits so far: their maximum, Σ e^(x-max), Σ e^(x-max) (x-max). */
struct LogSoftmax {
  highest: f32,
  sum: f32,
  moment: f32,
}

/** Folds a chunk, `columns` logits from `start` on; the ROW_THREADS threads of a workgroup do it together. */
fn fold_logits(before: LogSoftmax, first: bool, start: u32, columns: u32, thread: u32) -> LogSoftmax {
  var highest = logits[start];
  for (var j = thread; j < columns; j += ROW_THREADS) {
    highest = max(highest, logits[start + j]);
  }
  highest = row_max(highest, thread);
  if (!first) {
    highest = max(highest, before.highest);
  }
  let sums = exponentials(start, columns, highest, thread);
  return merge_logits(before, first, LogSoftmax(highest, sums.x, sums.y));
}

/** Σ e^(x-highest) and Σ e^(x-highest) (x-highest) of a chunk. */
fn exponentials(start: u32, columns: u32, highest: f32, thread: u32) -> vec2f {
  var sum = 0.0;
  var moment = 0.0;
  for (var j = thread; j < columns; j += ROW_THREADS) {
    let z = logits[start + j] - highest;
    let e = exp_f32(z);
    sum += e;
    moment = fma(e, z, moment);
  }
  sum = row_sum(sum, thread);
  moment = row_sum(moment, thread);
  return vec2f(sum, moment);
}

/** The logits so far, and a chunk whose sums are around the maximum of both. */
fn merge_logits(before: LogSoftmax, first: bool, chunk: LogSoftmax) -> LogSoftmax {
  if (first) {
    return chunk;
  }
  // Sums around another maximum m are multiplied by e^(m - highest).
  let shift = before.highest - chunk.highest;
  let factor = exp_f32(shift);
  return LogSoftmax(
    chunk.highest,
    chunk.sum + before.sum * factor,
    chunk.moment + (before.moment + before.sum * shift) * factor,
  );
}
