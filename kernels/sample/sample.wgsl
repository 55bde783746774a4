// Twin of sample.wasm.ts. A workgroup takes a row; thread t has the tokens of its own stretch of the
// vocabulary, so that sums in the order of ids are sums over threads. Sums are f32 here.
//
// Thresholds of top-k and top-p take 11 passes over the row, but only where they are asked for.

/** Weight of the scores with keys below `key`: their number, or Σ e^(z - highest). */
fn weight_below(scores: Scores, key: u32, by_mass: bool, highest: f32, begin: u32, end: u32, thread: u32) -> f32 {
  var sum = 0.0;
  for (var i = begin; i < end; i++) {
    let z = score(scores, i);
    if (key_of(z) < key) {
      sum += select(1.0, weight_of(z, highest), by_mass);
    }
  }
  return row_sum(sum, thread);
}

/**
 * The key at which the weights of the scores, summed from the smallest, first exceed `limit`: found
 * three bits at a time, from what the scores that share the bits before weigh for each of the eight.
 */
fn threshold(scores: Scores, by_mass: bool, highest: f32, limit: f32, begin: u32, end: u32, thread: u32) -> u32 {
  var prefix = 0u;
  var below = 0.0;
  for (var step = 0u; step < 11u; step++) {
    let shift = 30u - 3u * step;
    // With an initialiser: without one, wgpu clears a variable of a loop only once.
    var buckets = array<f32, 8>();
    for (var i = begin; i < end; i++) {
      let z = score(scores, i);
      let key = key_of(z);
      if (step == 0u || (key >> (shift + 3u)) == prefix) {
        buckets[(key >> shift) & 7u] += select(1.0, weight_of(z, highest), by_mass);
      }
    }
    // Should rounding keep the sum below the limit, it is the last digit that weighs anything.
    var digit = 0u;
    var below_digit = below;
    var found = false;
    for (var d = 0u; d < 8u; d++) {
      let weight = row_sum(buckets[d], thread);
      // Not `continue`: a compiler cannot see that all threads would, and barriers follow.
      if (!found && weight != 0.0) {
        digit = d;
        below_digit = below;
        below += weight;
        found = below > limit;
      }
    }
    below = below_digit;
    prefix = (prefix << 3u) | digit;
  }
  return prefix;
}

/** Number of scores equal to top-p's threshold that are removed too, the first of them. */
fn equals_removed(each: f32, removed: f32, limit: f32) -> u32 {
  workgroupBarrier();
  var all = 0u;
  for (var t = 0u; t < ROW_THREADS; t++) {
    all += thread_values[t];
  }
  return min(all, u32(max((limit - removed) / each, 0.0)));
}

/** Draws a token for each row. */
@compute @workgroup_size(ROW_THREADS)
fn sample(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = flat_group(group, groups);
  if (index >= p.rows) {
    return;
  }
  let position = positions[p.positions + index];
  var scores = Scores(row_of(index), 0u);
  let stretch = (p.vocabulary + ROW_THREADS - 1u) / ROW_THREADS;
  let begin = min(thread * stretch, p.vocabulary);
  let end = min(begin + stretch, p.vocabulary);

  // NaN and ∞ are not distributions; comparisons need not see NaN, so it is counted.
  var highest = REMOVED;
  var strange = 0.0;
  for (var i = begin; i < end; i++) {
    let z = score(scores, i);
    if (!is_finite(z)) {
      strange = 1.0;
    }
    highest = max(highest, z);
  }
  highest = row_max(highest, thread);
  strange = row_sum(strange, thread);

  if (p.top_k > 0u && p.top_k < p.vocabulary) {
    scores.top_k_key = threshold(scores, false, 0.0, f32(p.vocabulary - p.top_k), begin, end, thread);
  }
  var top_p_key = 0u;
  var removed_equals = 0u;
  if (p.top_p < 1.0) {
    let mass = weight_below(scores, 0xffffffffu, true, highest, begin, end, thread);
    // The largest weighs 1, and one of it is always kept.
    let limit = min((1.0 - p.top_p) * mass, mass - 0.5);
    top_p_key = threshold(scores, true, highest, limit, begin, end, thread);
    let below = weight_below(scores, top_p_key, true, highest, begin, end, thread);
    var equals = 0u;
    var each = 0.0;
    for (var i = begin; i < end; i++) {
      let z = score(scores, i);
      if (key_of(z) == top_p_key) {
        equals++;
        each = weight_of(z, highest);
      }
    }
    thread_values[thread] = equals;
    each = row_max(each, thread);
    removed_equals = equals_removed(each, below, limit);
  }
  // Of the scores equal to the threshold, those of the threads before this one come first.
  var equals_before = 0u;
  for (var t = 0u; t < thread && removed_equals > 0u; t++) {
    equals_before += thread_values[t];
  }

  var sum = 0.0;
  var seen_equals = equals_before;
  for (var i = begin; i < end; i++) {
    let z = score(scores, i);
    let key = key_of(z);
    if (key == top_p_key && p.top_p < 1.0) {
      seen_equals++;
      if (seen_equals <= removed_equals) {
        continue;
      }
    }
    if (key >= top_p_key) {
      sum += likelihood(z, highest);
    }
  }
  stretch_sums[thread] = sum;
  workgroupBarrier();

  let total = sum_of_stretches();
  let words = philox4x32(
    vec4u(rollouts[p.rollouts + index], u32(position), 0u, PURPOSE),
    vec2u(p.seed_low, p.seed_high),
  );
  let goal = uniform_f32(words.x) * total;
  let drawn_from = stretch_at(goal);
  let valid = strange == 0.0 && total > 0.0;
  if (thread == drawn_from.index) {
    var token = NO_TOKEN;
    var mass = drawn_from.below;
    seen_equals = equals_before;
    for (var i = begin; i < end && valid; i++) {
      let z = score(scores, i);
      let key = key_of(z);
      if (key == top_p_key && p.top_p < 1.0) {
        seen_equals++;
        if (seen_equals <= removed_equals) {
          continue;
        }
      }
      let weight = likelihood(z, highest);
      if (key < top_p_key || weight == 0.0) {
        continue;
      }
      token = i32(i);
      mass += weight;
      if (mass > goal) {
        break;
      }
    }
    drawn = token;
  }
  if (p.probabilities != NONE) {
    seen_equals = equals_before;
    for (var i = begin; i < end; i++) {
      let z = score(scores, i);
      let key = key_of(z);
      var kept = key >= top_p_key;
      if (key == top_p_key && p.top_p < 1.0) {
        seen_equals++;
        kept = seen_equals > removed_equals;
      }
      let at = p.probabilities + index * p.vocabulary + i;
      results[at] = select(0.0, likelihood(z, highest) / total, kept);
    }
  }
  finish(index, scores.row, thread);
}
