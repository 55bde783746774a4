// Words that the launches of a draw leave for the next ones, by row: for each part of LOGITS_CHUNK
// logits the largest logit, the highest score, 1 where there is a strange one, and the first token with
// the highest score; for each part its Σ e^(logit - maximum so far); for each thread's stretch of the
// vocabulary its sum; a random word.

/** Takes the most likely token instead of drawing one. */
override GREEDY: bool = false;

const PART_WORDS = 4u;

fn state_at(index: u32) -> u32 {
  return p.state + index * ((PART_WORDS + 1u) * p.parts + ROW_THREADS + 1u);
}

fn part_at(index: u32, part: u32) -> u32 {
  return state_at(index) + PART_WORDS * part;
}

fn exponentials_at(index: u32) -> u32 {
  return part_at(index, p.parts);
}

fn sums_at(index: u32) -> u32 {
  return exponentials_at(index) + p.parts;
}

fn word_at(index: u32) -> u32 {
  return sums_at(index) + ROW_THREADS;
}

/** The maximum of the first `count` parts' words `which`, for all threads of the workgroup. */
fn highest_of(index: u32, which: u32, count: u32, thread: u32) -> f32 {
  var highest = bitcast<f32>(state[part_at(index, 0u) + which]);
  for (var part = thread; part < count; part += ROW_THREADS) {
    highest = max(highest, bitcast<f32>(state[part_at(index, part) + which]));
  }
  return row_max(highest, thread);
}
