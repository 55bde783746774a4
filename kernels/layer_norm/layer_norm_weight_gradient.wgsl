/** A workgroup sums COLUMNS columns in STRIPS strips: strip s has the rows s, s + STRIPS, … */
const STRIPS = 16u;

var<workgroup> weight_sums: array<f32, COLUMNS * STRIPS>;
var<workgroup> bias_sums: array<f32, COLUMNS * STRIPS>;

/** dWeight += Σ dy · n, dBias += Σ dy; each only where it is wanted. */
@compute @workgroup_size(COLUMNS, STRIPS)
fn layer_norm_weight_gradient(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
) {
  let column = group.x * COLUMNS + thread.x;
  var dw = 0.0;
  var db = 0.0;
  if (column < p.width) {
    for (var row = thread.y; row < p.rows; row += STRIPS) {
      let at = row * p.width + column;
      let g = dy[p.dy + at];
      let n = (x[p.x + at] - stats[p.stats + 2u * row]) * stats[p.stats + 2u * row + 1u];
      dw = fma(g, n, dw);
      db += g;
    }
  }
  let slot = thread.y * COLUMNS + thread.x;
  weight_sums[slot] = dw;
  bias_sums[slot] = db;
  workgroupBarrier();
  if (thread.y == 0u && column < p.width) {
    for (var strip = 1u; strip < STRIPS; strip++) {
      dw += weight_sums[strip * COLUMNS + thread.x];
      db += bias_sums[strip * COLUMNS + thread.x];
    }
    if (p.d_weight != NONE) {
      d_weight[p.d_weight + column] += dw;
    }
    if (p.d_bias != NONE) {
      d_bias[p.d_bias + column] += db;
    }
  }
}
