// C[M, N] (+)= alpha A[M, K] B[K, N] + alpha2 A2[M, K2] B2[K2, N] (+ bias[N]) (+ residual[M, N]).
//
// Every element of a product is summed in chunks of CHUNK along k: in a chunk a chain of fused
// multiply-adds from 0, then the chunks are added, in order, to what C starts with. `tiled` adds them
// one after the other, `skinny` computes several at once; the result is the same, bit for bit. So
// what a row gives depends neither on the rows beside it nor on the variant.

struct Params {
  c: u32,
  a: u32,
  b: u32,
  a2: u32,
  b2: u32,
  bias: u32,
  residual: u32,
  m: u32,
  n: u32,
  k: u32,
  c_row_stride: u32,
  residual_row_stride: u32,
  a_row_stride: u32,
  a_column_stride: u32,
  b_k_stride: u32,
  b_n_stride: u32,
  k2: u32,
  b2_k_stride: u32,
  b2_n_stride: u32,
  accumulate: u32,
  alpha: f32,
  alpha2: f32,
}

/** Whether B is bf16; B2 never is. */
override BF16: bool = false;
/** Threads of a workgroup along the columns and the rows of C; each has 4 x 4 elements of it. */
override COLUMN_THREADS: u32 = 16u;
override LINE_THREADS: u32 = 16u;
/** Chunks that `skinny` computes at once. */
override SLICES: u32 = 8u;

const CHUNK = 32u;
/** Depth of the tiles that `tiled` copies to workgroup memory: a chunk is two of them. */
const TILE_DEPTH = 16u;

@group(0) @binding(0) var<storage, read_write> c: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read> a2: array<f32>;
@group(0) @binding(4) var<storage, read> b2: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read> residual: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

/** One of the two products. */
struct Product {
  second: bool,
  depth: u32,
  alpha: f32,
}

/** A(row, k); the nearest element where that is outside. */
fn a_at(second: bool, row: u32, k: u32) -> f32 {
  let r = min(row, p.m - 1u);
  if (second) {
    return a2[p.a2 + r * p.k2 + k];
  }
  return a[p.a + r * p.a_row_stride + k * p.a_column_stride];
}

/** B(k, column); the nearest element where that is outside. */
fn b_at(second: bool, k: u32, column: u32) -> f32 {
  let n = min(column, p.n - 1u);
  if (second) {
    return b2[p.b2 + k * p.b2_k_stride + n * p.b2_n_stride];
  }
  let at = k * p.b_k_stride + n * p.b_n_stride;
  if (BF16) {
    return widen_bf16(b[p.b + at / 2u], at);
  }
  return bitcast<f32>(b[p.b + at]);
}

/** Four rows of A at one k. */
fn a_rows(second: bool, row: u32, k: u32) -> vec4f {
  return vec4f(
    a_at(second, row, k),
    a_at(second, row + 1u, k),
    a_at(second, row + 2u, k),
    a_at(second, row + 3u, k),
  );
}

/** Four columns of B at one k. */
fn b_columns(second: bool, k: u32, column: u32) -> vec4f {
  return vec4f(
    b_at(second, k, column),
    b_at(second, k, column + 1u),
    b_at(second, k, column + 2u),
    b_at(second, k, column + 3u),
  );
}

/** What an element of C starts with. */
fn initial(row: u32, column: u32) -> f32 {
  if (row >= p.m || column >= p.n) {
    return 0.0;
  }
  var value = 0.0;
  if (p.residual != NONE) {
    value = residual[p.residual + row * p.residual_row_stride + column];
  } else if (p.accumulate != 0u) {
    value = c[p.c + row * p.c_row_stride + column];
  }
  if (p.bias != NONE) {
    value += bias[p.bias + column];
  }
  return value;
}

fn initial4(row: u32, column: u32) -> vec4f {
  return vec4f(
    initial(row, column),
    initial(row, column + 1u),
    initial(row, column + 2u),
    initial(row, column + 3u),
  );
}

fn store4(row: u32, column: u32, value: vec4f) {
  if (row >= p.m) {
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    if (column + i < p.n) {
      c[p.c + row * p.c_row_stride + column + i] = value[i];
    }
  }
}

// ---- Many rows: tiles of A and B in workgroup memory.

/** By k, then by four rows or four columns. */
var<workgroup> tile_a: array<vec4f, TILE_DEPTH * LINE_THREADS>;
var<workgroup> tile_b: array<vec4f, TILE_DEPTH * COLUMN_THREADS>;

/** The thread's 4 x 4 elements of C. */
var<private> total: array<vec4f, 4>;

fn add_product(product: Product, group: vec3u, thread: vec3u) {
  let index = thread.y * COLUMN_THREADS + thread.x;
  let threads = COLUMN_THREADS * LINE_THREADS;
  let first_row = group.y * LINE_THREADS * 4u;
  let first_column = group.x * COLUMN_THREADS * 4u;
  // Neighbouring threads read neighbouring elements: along k, or along the rows or columns.
  let a_along_k = product.second || p.a_column_stride == 1u;
  let b_along_k = select(p.b_k_stride, p.b2_k_stride, product.second) == 1u;
  for (var chunk = 0u; chunk < product.depth; chunk += CHUNK) {
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    for (var start = chunk; start < min(chunk + CHUNK, product.depth); start += TILE_DEPTH) {
      for (var i = index; i < TILE_DEPTH * LINE_THREADS; i += threads) {
        let k = select(i / LINE_THREADS, i % TILE_DEPTH, a_along_k);
        let four = select(i % LINE_THREADS, i / TILE_DEPTH, a_along_k);
        var rows = vec4f();
        if (start + k < product.depth) {
          rows = a_rows(product.second, first_row + four * 4u, start + k);
        }
        tile_a[k * LINE_THREADS + four] = rows;
      }
      for (var i = index; i < TILE_DEPTH * COLUMN_THREADS; i += threads) {
        let k = select(i / COLUMN_THREADS, i % TILE_DEPTH, b_along_k);
        let four = select(i % COLUMN_THREADS, i / TILE_DEPTH, b_along_k);
        var columns = vec4f();
        if (start + k < product.depth) {
          columns = b_columns(product.second, start + k, first_column + four * 4u);
        }
        tile_b[k * COLUMN_THREADS + four] = columns;
      }
      workgroupBarrier();
      for (var k = 0u; k < TILE_DEPTH; k++) {
        let rows = tile_a[k * LINE_THREADS + thread.y];
        let columns = tile_b[k * COLUMN_THREADS + thread.x];
        sum0 = fma(vec4f(rows.x), columns, sum0);
        sum1 = fma(vec4f(rows.y), columns, sum1);
        sum2 = fma(vec4f(rows.z), columns, sum2);
        sum3 = fma(vec4f(rows.w), columns, sum3);
      }
      workgroupBarrier();
    }
    let alpha = vec4f(product.alpha);
    total[0] = fma(alpha, sum0, total[0]);
    total[1] = fma(alpha, sum1, total[1]);
    total[2] = fma(alpha, sum2, total[2]);
    total[3] = fma(alpha, sum3, total[3]);
  }
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS)
fn tiled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let row = (group.y * LINE_THREADS + thread.y) * 4u;
  let column = (group.x * COLUMN_THREADS + thread.x) * 4u;
  for (var i = 0u; i < 4u; i++) {
    total[i] = initial4(row + i, column);
  }
  add_product(Product(false, p.k, p.alpha), group, thread);
  if (p.k2 > 0u) {
    add_product(Product(true, p.k2, p.alpha2), group, thread);
  }
  for (var i = 0u; i < 4u; i++) {
    store4(row + i, column, total[i]);
  }
}

// ---- Few rows: more threads than elements, each with its own chunks of k.

/** By slice, then by row, then by four columns. */
var<workgroup> partial: array<vec4f, SLICES * LINE_THREADS * 4u * COLUMN_THREADS>;

/** What the first threads keep: four columns of one row of C. */
var<private> owned: vec4f;

fn add_slices(product: Product, group: vec3u, thread: vec3u, index: u32) {
  let row = (group.y * LINE_THREADS + thread.y) * 4u;
  let column = (group.x * COLUMN_THREADS + thread.x) * 4u;
  let fours = LINE_THREADS * 4u * COLUMN_THREADS;
  for (var round = 0u; round < product.depth; round += CHUNK * SLICES) {
    let start = round + thread.z * CHUNK;
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    for (var k = start; k < min(start + CHUNK, product.depth); k++) {
      let rows = a_rows(product.second, row, k);
      let columns = b_columns(product.second, k, column);
      sum0 = fma(vec4f(rows.x), columns, sum0);
      sum1 = fma(vec4f(rows.y), columns, sum1);
      sum2 = fma(vec4f(rows.z), columns, sum2);
      sum3 = fma(vec4f(rows.w), columns, sum3);
    }
    let at = thread.z * fours + thread.y * 4u * COLUMN_THREADS + thread.x;
    partial[at] = sum0;
    partial[at + COLUMN_THREADS] = sum1;
    partial[at + 2u * COLUMN_THREADS] = sum2;
    partial[at + 3u * COLUMN_THREADS] = sum3;
    workgroupBarrier();
    if (index < fours) {
      for (var slice = 0u; slice < SLICES && round + slice * CHUNK < product.depth; slice++) {
        owned = fma(vec4f(product.alpha), partial[slice * fours + index], owned);
      }
    }
    workgroupBarrier();
  }
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn skinny(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let row = group.y * LINE_THREADS * 4u + index / COLUMN_THREADS;
  let column = (group.x * COLUMN_THREADS + index % COLUMN_THREADS) * 4u;
  let owns = index < LINE_THREADS * 4u * COLUMN_THREADS;
  if (owns) {
    owned = initial4(row, column);
  }
  add_slices(Product(false, p.k, p.alpha), group, thread, index);
  if (p.k2 > 0u) {
    add_slices(Product(true, p.k2, p.alpha2), group, thread, index);
  }
  if (owns) {
    store4(row, column, owned);
  }
}
