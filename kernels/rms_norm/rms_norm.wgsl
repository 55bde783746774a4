// Twin of rms_norm.wasm.ts.

struct Params {
  y: u32,
  rstd: u32,
  x: u32,
  weight: u32,
  rows: u32,
  width: u32,
  eps: f32,
}

struct BackwardParams {
  dx: u32,
  dy: u32,
  x: u32,
  weight: u32,
  rstd: u32,
  rows: u32,
  width: u32,
  accumulate: u32,
}

struct WeightParams {
  d_weight: u32,
  dy: u32,
  x: u32,
  rstd: u32,
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read_write> rstd_out: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> column_rstd: array<f32>;
@group(0) @binding(4) var<storage, read> rstd: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
@group(1) @binding(0) var<uniform> q: BackwardParams;
@group(1) @binding(0) var<uniform> w: WeightParams;

/** y = x · rstd · w, rstd = 1 / √(mean(x²) + eps); a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn rms_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.x + row * p.width;
  var squares = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    squares = fma(x[start + i], x[start + i], squares);
  }
  let scale = 1.0 / sqrt(row_sum(squares, thread) / f32(p.width) + p.eps);
  if (thread == 0u && p.rstd != NONE) {
    rstd_out[p.rstd + row] = scale;
  }
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    out[p.y + row * p.width + i] = x[start + i] * scale * weight[p.weight + i];
  }
}

/** dx = rstd · (dy·w - x · rstd² · mean(dy·w·x)) (+ dx); a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn rms_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= q.rows) {
    return;
  }
  let offset = row * q.width;
  var products = 0.0;
  for (var i = thread; i < q.width; i += ROW_THREADS) {
    let g = dy[q.dy + offset + i] * weight[q.weight + i];
    products = fma(g, x[q.x + offset + i], products);
  }
  let scale = rstd[q.rstd + row];
  let pull = row_sum(products, thread) / f32(q.width) * scale * scale * scale;
  for (var i = thread; i < q.width; i += ROW_THREADS) {
    let g = dy[q.dy + offset + i] * weight[q.weight + i];
    var d = fma(-x[q.x + offset + i], pull, g * scale);
    if (q.accumulate != 0u) {
      d += out[q.dx + offset + i];
    }
    out[q.dx + offset + i] = d;
  }
}

/** A workgroup sums COLUMNS columns in STRIPS strips: strip s has the rows s, s + STRIPS, … */
const COLUMNS = 16u;
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
  if (column < w.width) {
    for (var row = thread.y; row < w.rows; row += STRIPS) {
      let at = row * w.width + column;
      sum = fma(dy[w.dy + at], x[w.x + at] * column_rstd[w.rstd + row], sum);
    }
  }
  strip_sums[thread.y * COLUMNS + thread.x] = sum;
  workgroupBarrier();
  if (thread.y == 0u && column < w.width) {
    for (var strip = 1u; strip < STRIPS; strip++) {
      sum += strip_sums[strip * COLUMNS + thread.x];
    }
    out[w.d_weight + column] += sum;
  }
}
