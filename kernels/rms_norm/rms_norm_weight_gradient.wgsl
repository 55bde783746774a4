/** A workgroup sums COLUMNS columns in STRIPS strips: strip s has the rows s, s + STRIPS, … */
const STRIPS = 16u;

var<workgroup> strip_sums: array<f32, COLUMNS * STRIPS>;

/** dWeight += Σ dy · x · rstd */
@compute @workgroup_size(COLUMNS, STRIPS)
fn rms_norm_weight_gradient(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
) {
  let column = group.x * COLUMNS + thread.x;
  var sum = 0.0;
  if (column < p.width) {
    for (var row = thread.y; row < p.rows; row += STRIPS) {
      let at = row * p.width + column;
      sum = fma(dy[p.dy + at], x[p.x + at] * rstd[p.rstd + row], sum);
    }
  }
  strip_sums[thread.y * COLUMNS + thread.x] = sum;
  workgroupBarrier();
  if (thread.y == 0u && column < p.width) {
    for (var strip = 1u; strip < STRIPS; strip++) {
      sum += strip_sums[strip * COLUMNS + thread.x];
    }
    d_weight[p.d_weight + column] += sum;
  }
}
