// The norm of a row and products of it with a few more rows, as a low-rank adapter's A: y = norm(x) and
// u_i = y A_iᵀ (+ bias). Workgroups share a row's products; each norms the row for itself. Sums are
// those of rms_norm.wgsl and matmul.wgsl, bit for bit. What is numbered _N is there for every product.

struct Params {
  y: u32,
  u: u32,
  x: u32,
  weight: u32,
  a_0: u32,
  a_1: u32,
  a_2: u32,
  bias: u32,
  rows: u32,
  width: u32,
  /** Workgroups of a row, and how many products of two vectors each computes. */
  parts: u32,
  part: u32,
  /** Rows of A_i; where u_i [rows, n_i] begins in u. */
  n_0: u32,
  n_1: u32,
  n_2: u32,
  u_0: u32,
  u_1: u32,
  u_2: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> u: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> a_0: array<f32>;
@group(0) @binding(5) var<storage, read> a_1: array<f32>;
@group(0) @binding(6) var<storage, read> a_2: array<f32>;
@group(0) @binding(7) var<storage, read> bias: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

const CHUNK = 32u;
/** Chunks of the row that are in workgroup memory at once. */
const SLICES = 16u;
/** The most that a workgroup computes; mirrored in rms_norm_products.ts. */
const MOST = 64u;

var<workgroup> normed: array<f32, CHUNK * SLICES>;
/** Sums of chunks, by product. */
var<workgroup> partial: array<f32, SLICES * MOST>;

/** The sum of a chunk of the product with row `at` of all the A_i. */
fn chunk_sum(at: u32, round: u32, slice: u32) -> f32 {
  if (at < p.n_0) {
    return chunk_sum_0(at, round, slice);
  }
  if (at < p.n_0 + p.n_1) {
    return chunk_sum_1(at - p.n_0, round, slice);
  }
  return chunk_sum_2(at - p.n_0 - p.n_1, round, slice);
}

/** Where the product of `row` with row `at` of all the A_i goes. */
fn place_of(at: u32, row: u32) -> u32 {
  if (at < p.n_0) {
    return p.u + p.u_0 + row * p.n_0 + at;
  }
  if (at < p.n_0 + p.n_1) {
    return p.u + p.u_1 + row * p.n_1 + at - p.n_0;
  }
  return p.u + p.u_2 + row * p.n_2 + at - p.n_0 - p.n_1;
}

@compute @workgroup_size(ROW_THREADS)
fn rms_norm_products(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = flat_group(group, groups);
  let row = item / p.parts;
  if (row >= p.rows) {
    return;
  }
  let part = item % p.parts;
  let start = p.x + row * p.width;
  let scale = row_rstd(start, p.width, p.eps, thread);
  let first = part * p.part;
  let count = min(p.part, p.n_0 + p.n_1 + p.n_2 - first);
  var total = 0.0;
  if (thread < count && p.bias != NONE) {
    total = bias[p.bias + first + thread];
  }
  for (var round = 0u; round < p.width; round += CHUNK * SLICES) {
    for (var i = thread; i < min(CHUNK * SLICES, p.width - round); i += ROW_THREADS) {
      let value = x[start + round + i] * scale * weight[p.weight + round + i];
      normed[i] = value;
      if (part == 0u) {
        y[p.y + row * p.width + round + i] = value;
      }
    }
    workgroupBarrier();
    for (var i = thread; i < count * SLICES; i += ROW_THREADS) {
      partial[i] = chunk_sum(first + i / SLICES, round, i % SLICES);
    }
    workgroupBarrier();
    if (thread < count) {
      for (var slice = 0u; slice < SLICES && round + slice * CHUNK < p.width; slice++) {
        total += partial[thread * SLICES + slice];
      }
    }
  }
  if (thread < count) {
    u[place_of(first + thread, row)] = total;
  }
}
