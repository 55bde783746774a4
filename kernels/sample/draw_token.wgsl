// Last of the launches of a draw: a workgroup takes a row, finds the token from what the others have
// left, as sample.wgsl and greedy.wgsl do, and its logprob.

/** Tokens whose likelihoods are in workgroup memory at once. */
const TOKENS = 256u;

var<workgroup> likelihoods: array<vec4f, TOKENS / 4u>;

@compute @workgroup_size(ROW_THREADS)
fn draw_token(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = flat_group(group, groups);
  if (index >= p.rows) {
    return;
  }
  var token = NO_TOKEN;
  if (GREEDY) {
    token = most_likely(index);
  } else {
    token = drawn_token(index, thread);
  }
  if (thread != 0u) {
    return;
  }
  let row = row_of(index);
  tokens[p.tokens + index] = token;
  if (row.seen != NONE && token >= 0) {
    seen[row.seen + u32(token) / 32u] |= 1u << (u32(token) % 32u);
  }
  if (p.logprobs != NONE && token >= 0) {
    let folded = log_softmax_of(index);
    let logit = logits[row.start + u32(token)];
    logprobs[p.logprobs + index] = logprob_of(logit, folded.highest, log_f32(folded.sum));
  }
}

/** The first token with the highest score. */
fn most_likely(index: u32) -> i32 {
  var best = LOWEST_LOGIT;
  var first = NONE_FOUND;
  var strange = false;
  for (var part = 0u; part < p.parts; part++) {
    let at = part_at(index, part);
    let highest = bitcast<f32>(state[at + 1u]);
    let token = state[at + 3u];
    strange = strange || state[at + 2u] != 0u;
    if (token != NONE_FOUND && (first == NONE_FOUND || highest > best)) {
      best = highest;
      first = token;
    }
  }
  return select(i32(first), NO_TOKEN, strange || first == NONE_FOUND);
}

/** The token at which the likelihoods, cumulated in the order of ids, exceed the goal. */
fn drawn_token(index: u32, thread: u32) -> i32 {
  let scores = Scores(row_of(index), 0u);
  let highest = highest_of(index, 1u, p.parts, thread);
  var strange = 0.0;
  for (var part = thread; part < p.parts; part += ROW_THREADS) {
    strange += f32(state[part_at(index, part) + 2u]);
  }
  strange = row_sum(strange, thread);
  stretch_sums[thread] = bitcast<f32>(state[sums_at(index) + thread]);
  workgroupBarrier();

  let total = sum_of_stretches();
  let goal = uniform_f32(state[word_at(index)]) * total;
  let drawn_from = stretch_at(goal);
  var mass = drawn_from.below;

  let stretch = (p.vocabulary + ROW_THREADS - 1u) / ROW_THREADS;
  let begin = min(drawn_from.index * stretch, p.vocabulary);
  let end = min(begin + stretch, p.vocabulary);
  var token = NO_TOKEN;
  var found = strange > 0.0 || !(total > 0.0);
  for (var done = 0u; done < stretch; done += TOKENS) {
    for (var quad = thread; quad < TOKENS / 4u; quad += ROW_THREADS) {
      var four = vec4f();
      for (var j = 0u; j < 4u; j++) {
        let i = begin + done + quad * 4u + j;
        if (i < end) {
          four[j] = likelihood(score(scores, i), highest);
        }
      }
      likelihoods[quad] = four;
    }
    workgroupBarrier();
    if (thread == 0u && !found) {
      for (var quad = 0u; quad < TOKENS / 4u && !found; quad++) {
        let four = likelihoods[quad];
        for (var j = 0u; j < 4u && !found; j++) {
          if (four[j] != 0.0) {
            token = i32(begin + done + quad * 4u + j);
            mass += four[j];
            found = mass > goal;
          }
        }
      }
    }
    workgroupBarrier();
  }
  return token;
}

/** The parts' sums of exponentials, folded one after another. */
fn log_softmax_of(index: u32) -> LogSoftmax {
  var folded = LogSoftmax(0.0, 0.0, 0.0);
  for (var part = 0u; part < p.parts; part++) {
    var highest = bitcast<f32>(state[part_at(index, part)]);
    if (part > 0u) {
      highest = max(highest, folded.highest);
    }
    let sum = bitcast<f32>(state[exponentials_at(index) + part]);
    folded = merge_logits(folded, part == 0u, LogSoftmax(highest, sum, 0.0));
  }
  return folded;
}
