// Twin of layer_norm.wasm.ts.

struct Params {
  y: u32,
  stats: u32,
  x: u32,
  weight: u32,
  bias: u32,
  rows: u32,
  width: u32,
  eps: f32,
}

struct BackwardParams {
  dx: u32,
  dy: u32,
  x: u32,
  weight: u32,
  stats: u32,
  rows: u32,
  width: u32,
  accumulate: u32,
}

struct WeightParams {
  d_weight: u32,
  d_bias: u32,
  dy: u32,
  x: u32,
  stats: u32,
  rows: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read_write> out2: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(2) var<storage, read> weight_dy: array<f32>;
@group(0) @binding(3) var<storage, read> weight_x: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;
@group(1) @binding(0) var<uniform> q: BackwardParams;
@group(1) @binding(0) var<uniform> w: WeightParams;

/** y = (x - mean) · rstd · weight + bias; a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn layer_norm(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= p.rows) {
    return;
  }
  let start = p.x + row * p.width;
  let count = f32(p.width);
  var sum = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    sum += x[start + i];
  }
  let mean = row_sum(sum, thread) / count;
  var squares = 0.0;
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let d = x[start + i] - mean;
    squares = fma(d, d, squares);
  }
  let scale = 1.0 / sqrt(row_sum(squares, thread) / count + p.eps);
  if (thread == 0u && p.stats != NONE) {
    out2[p.stats + 2u * row] = mean;
    out2[p.stats + 2u * row + 1u] = scale;
  }
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let n = (x[start + i] - mean) * scale;
    out[p.y + row * p.width + i] = fma(n, weight[p.weight + i], bias[p.bias + i]);
  }
}

/** dx = rstd · (g - mean(g) - n · mean(g · n)) (+ dx), g = dy · weight; a workgroup takes a row. */
@compute @workgroup_size(ROW_THREADS)
fn layer_norm_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let row = flat_group(group, groups);
  if (row >= q.rows) {
    return;
  }
  let offset = row * q.width;
  let mean = stats[q.stats + 2u * row];
  let scale = stats[q.stats + 2u * row + 1u];
  var sum = 0.0;
  var products = 0.0;
  for (var i = thread; i < q.width; i += ROW_THREADS) {
    let g = dy[q.dy + offset + i] * weight[q.weight + i];
    sum += g;
    products = fma(g, (x[q.x + offset + i] - mean) * scale, products);
  }
  let mean_g = row_sum(sum, thread) / f32(q.width);
  let mean_gn = row_sum(products, thread) / f32(q.width);
  for (var i = thread; i < q.width; i += ROW_THREADS) {
    let g = dy[q.dy + offset + i] * weight[q.weight + i];
    let n = (x[q.x + offset + i] - mean) * scale;
    var d = scale * (g - fma(n, mean_gn, mean_g));
    if (q.accumulate != 0u) {
      d += out[q.dx + offset + i];
    }
    out[q.dx + offset + i] = d;
  }
}

/** A workgroup sums COLUMNS columns in STRIPS strips: strip s has the rows s, s + STRIPS, … */
const COLUMNS = 16u;
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
  if (column < w.width) {
    for (var row = thread.y; row < w.rows; row += STRIPS) {
      let at = row * w.width + column;
      let g = weight_dy[w.dy + at];
      let n = (weight_x[w.x + at] - stats[w.stats + 2u * row]) * stats[w.stats + 2u * row + 1u];
      dw = fma(g, n, dw);
      db += g;
    }
  }
  let slot = thread.y * COLUMNS + thread.x;
  weight_sums[slot] = dw;
  bias_sums[slot] = db;
  workgroupBarrier();
  if (thread.y == 0u && column < w.width) {
    for (var strip = 1u; strip < STRIPS; strip++) {
      dw += weight_sums[strip * COLUMNS + thread.x];
      db += bias_sums[strip * COLUMNS + thread.x];
    }
    if (w.d_weight != NONE) {
      out[w.d_weight + column] += dw;
    }
    if (w.d_bias != NONE) {
      out2[w.d_bias + column] += db;
    }
  }
}
