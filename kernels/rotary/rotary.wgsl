// y_i = x_i, or its norm over each head, rotated. HEAD_THREADS threads share a head; a workgroup takes
// GROUP_HEADS heads. What is numbered _N is in rotary_head.wgsl.

var<workgroup> squares: array<f32, HEAD_THREADS * GROUP_HEADS>;

/** The sum over the threads of a head, in a fixed order, for all of them. */
fn head_sum(value: f32, thread: vec3u) -> f32 {
  let at = thread.y * HEAD_THREADS + thread.x;
  squares[at] = value;
  workgroupBarrier();
  for (var half = HEAD_THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread.x < half) {
      squares[at] += squares[at + half];
    }
    workgroupBarrier();
  }
  return squares[thread.y * HEAD_THREADS];
}

@compute @workgroup_size(HEAD_THREADS, GROUP_HEADS)
fn rotary(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
) {
  let heads = p.heads_0 + p.heads_1;
  let item = flat_group(group, groups) * GROUP_HEADS + thread.y;
  let exists = item < p.rows * heads;
  let row = select(0u, item / heads, exists);
  let head = select(0u, item % heads, exists);
  let is_first = head < p.heads_0;
  var rstd = 1.0;
  if (p.weight_0 != NONE || p.weight_1 != NONE) {
    var sum = 0.0;
    if (is_first) {
      sum = squares_0(row, head, thread.x);
    } else {
      sum = squares_1(row, head - p.heads_0, thread.x);
    }
    rstd = 1.0 / sqrt(head_sum(sum, thread) / f32(p.head_size) + p.eps);
  }
  if (!exists) {
    return;
  }
  if (is_first) {
    rotate_0(row, head, rstd, thread.x);
  } else {
    rotate_1(row, head - p.heads_0, rstd, thread.x);
  }
}
