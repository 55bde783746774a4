// Second of the launches of a draw: some workgroups add up the likelihoods of STRETCHES of the stretches
// of sample.wgsl each, in its order; the others a part's exponentials each, as log_softmax.wgsl does.

/** Stretches of a workgroup. */
const STRETCHES = 8u;
/** Tokens of a stretch whose likelihoods are in workgroup memory at once, a quad more for other banks. */
const TOKENS = 64u;
const STRETCH_PITCH = TOKENS / 4u + 1u;

var<workgroup> likelihoods: array<vec4f, STRETCHES * STRETCH_PITCH>;

@compute @workgroup_size(ROW_THREADS)
fn draw_sums(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = flat_group(group, groups);
  let stretch_groups = select(ROW_THREADS / STRETCHES, 0u, GREEDY);
  let of_row = stretch_groups + select(0u, p.parts, p.log_softmax != 0u);
  if (item >= p.rows * of_row) {
    return;
  }
  let index = item / of_row;
  let place = item % of_row;
  if (place < stretch_groups) {
    add_stretches(index, place * STRETCHES, thread);
  } else {
    add_exponentials(index, place - stretch_groups, thread);
  }
}

fn add_stretches(index: u32, first: u32, thread: u32) {
  let scores = Scores(row_of(index), 0u);
  let highest = highest_of(index, 1u, p.parts, thread);
  let stretch = (p.vocabulary + ROW_THREADS - 1u) / ROW_THREADS;
  var sum = 0.0;
  for (var done = 0u; done < stretch; done += TOKENS) {
    for (var i = thread; i < STRETCHES * TOKENS / 4u; i += ROW_THREADS) {
      let own = i / (TOKENS / 4u);
      let quad = i % (TOKENS / 4u);
      // What is past the end of a stretch weighs 0.
      let begin = min((first + own) * stretch, p.vocabulary);
      let end = min(begin + stretch, p.vocabulary);
      var four = vec4f();
      for (var j = 0u; j < 4u; j++) {
        let token = begin + done + quad * 4u + j;
        if (token < end) {
          four[j] = likelihood(score(scores, token), highest);
        }
      }
      likelihoods[own * STRETCH_PITCH + quad] = four;
    }
    workgroupBarrier();
    if (thread < STRETCHES) {
      for (var quad = 0u; quad < TOKENS / 4u; quad++) {
        let four = likelihoods[thread * STRETCH_PITCH + quad];
        sum = sum + four.x;
        sum = sum + four.y;
        sum = sum + four.z;
        sum = sum + four.w;
      }
    }
    workgroupBarrier();
  }
  if (thread < STRETCHES) {
    state[sums_at(index) + first + thread] = bitcast<u32>(sum);
  }
}

fn add_exponentials(index: u32, part: u32, thread: u32) {
  let start = p.logits + index * p.vocabulary + part * LOGITS_CHUNK;
  let columns = min(LOGITS_CHUNK, p.vocabulary - part * LOGITS_CHUNK);
  let highest = highest_of(index, 0u, part + 1u, thread);
  let sums = exponentials(start, columns, highest, thread);
  if (thread == 0u) {
    state[exponentials_at(index) + part] = bitcast<u32>(sums.x);
  }
}
