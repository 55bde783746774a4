// First of the three launches that take the next token with many workgroups a row (draw_sums.wgsl,
// draw_token.wgsl): a workgroup takes a part of a row, LOGITS_CHUNK logits, and finds its maxima.

var<workgroup> thread_tokens: array<u32, ROW_THREADS>;

@compute @workgroup_size(ROW_THREADS)
fn draw_parts(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = flat_group(group, groups);
  if (item >= p.rows * p.parts) {
    return;
  }
  let index = item / p.parts;
  let part = item % p.parts;
  let scores = Scores(row_of(index), 0u);
  let row = scores.row;
  let begin = part * LOGITS_CHUNK;
  let end = min(begin + LOGITS_CHUNK, p.vocabulary);

  var largest = logits[row.start + begin];
  var best = LOWEST_LOGIT;
  var token = NONE_FOUND;
  var strange = 0.0;
  for (var i = begin + thread; i < end; i += ROW_THREADS) {
    largest = max(largest, logits[row.start + i]);
    if (GREEDY) {
      let z = penalised(row, i);
      if (!is_banned(row, i) && bitcast<u32>(z) != MINUS_INFINITY) {
        if (is_nan(z)) {
          strange = 1.0;
        }
        if (z > best || token == NONE_FOUND) {
          best = z;
          token = i;
        }
      }
    } else {
      let z = score(scores, i);
      if (!is_finite(z)) {
        strange = 1.0;
      }
      best = max(best, z);
    }
  }
  largest = row_max(largest, thread);
  strange = row_sum(strange, thread);
  let highest = row_max(best, thread);
  thread_tokens[thread] = select(NONE_FOUND, token, best == highest);
  workgroupBarrier();
  if (thread != 0u) {
    return;
  }
  var first = NONE_FOUND;
  for (var t = 0u; t < ROW_THREADS; t++) {
    first = min(first, thread_tokens[t]);
  }
  let at = part_at(index, part);
  state[at] = bitcast<u32>(largest);
  state[at + 1u] = bitcast<u32>(highest);
  state[at + 2u] = select(0u, 1u, strange > 0.0);
  state[at + 3u] = first;
  if (part == 0u && !GREEDY) {
    let words = philox4x32(
      vec4u(rollouts[p.rollouts + index], u32(positions[p.positions + index]), 0u, PURPOSE),
      vec2u(p.seed_low, p.seed_high),
    );
    state[word_at(index)] = words.x;
  }
}
