// The variants that every GPU can run; what they compute is at the head of matmul_shared.wgsl.

/** Threads of a workgroup along the columns and the rows of C. */
override COLUMN_THREADS: u32 = 16u;
override LINE_THREADS: u32 = 16u;
/** Chunks that `skinny` computes at once. */
override SLICES: u32 = 8u;

/** Depth of the tiles that `tiled` copies to workgroup memory: a chunk is two of them. */
const TILE_DEPTH = 16u;

/** One of the two products. */
struct Product {
  second: bool,
  depth: u32,
  alpha: f32,
}

/** Beginnings of four rows of A; of the last row where there are fewer. */
fn a_starts(second: bool, row: u32) -> vec4u {
  let rows = min(row + vec4u(0u, 1u, 2u, 3u), vec4u(p.m - 1u));
  if (second) {
    return p.a2 + rows * p.k2;
  }
  return p.a + rows * p.a_row_stride;
}

/** Four rows of A at one k. */
fn a_rows(second: bool, starts: vec4u, k: u32) -> vec4f {
  if (second) {
    let at = starts + k;
    return vec4f(a2[at.x], a2[at.y], a2[at.z], a2[at.w]);
  }
  let at = starts + k * p.a_column_stride;
  return vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
}

/** Beginnings of four columns of B, in elements; of the last where there are fewer. */
fn b_starts(second: bool, column: u32) -> vec4u {
  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u));
  if (second) {
    return p.b2 + columns * p.b2_n_stride;
  }
  return columns * p.b_n_stride;
}

/** Four columns of B at one k. */
fn b_columns(second: bool, starts: vec4u, k: u32) -> vec4f {
  if (second) {
    let at = starts + k * p.b2_k_stride;
    return vec4f(b2[at.x], b2[at.y], b2[at.z], b2[at.w]);
  }
  let at = starts + k * p.b_k_stride;
  if (BF16) {
    let word = p.b + at / 2u;
    return vec4f(
      widen_bf16(b[word.x], at.x),
      widen_bf16(b[word.y], at.y),
      widen_bf16(b[word.z], at.z),
      widen_bf16(b[word.w], at.w),
    );
  }
  let word = p.b + at;
  return bitcast<vec4f>(vec4u(b[word.x], b[word.y], b[word.z], b[word.w]));
}

// ---- Many rows: tiles of A and B in workgroup memory, 8 x 4 elements of C a thread.

/** By k, then by four rows or four columns. */
var<workgroup> tile_a: array<vec4f, TILE_DEPTH * LINE_THREADS * 2u>;
var<workgroup> tile_b: array<vec4f, TILE_DEPTH * COLUMN_THREADS>;

/** The thread's rows of C. */
var<private> total: array<vec4f, 8>;

fn add_product(product: Product, group: vec3u, thread: vec3u) {
  let index = thread.y * COLUMN_THREADS + thread.x;
  let threads = COLUMN_THREADS * LINE_THREADS;
  let row_fours = LINE_THREADS * 2u;
  let first_row = group.y * row_fours * 4u;
  let first_column = group.x * COLUMN_THREADS * 4u;
  // Neighbouring threads read neighbouring elements: along k, or along the rows or columns.
  let a_along_k = product.second || p.a_column_stride == 1u;
  let b_along_k = select(p.b_k_stride, p.b2_k_stride, product.second) == 1u;
  for (var chunk = 0u; chunk < product.depth; chunk += CHUNK) {
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    var sum4 = vec4f();
    var sum5 = vec4f();
    var sum6 = vec4f();
    var sum7 = vec4f();
    for (var start = chunk; start < min(chunk + CHUNK, product.depth); start += TILE_DEPTH) {
      for (var i = index; i < TILE_DEPTH * row_fours; i += threads) {
        let k = select(i / row_fours, i % TILE_DEPTH, a_along_k);
        let four = select(i % row_fours, i / TILE_DEPTH, a_along_k);
        var rows = vec4f();
        if (start + k < product.depth) {
          let starts = a_starts(product.second, first_row + four * 4u);
          rows = a_rows(product.second, starts, start + k);
        }
        tile_a[k * row_fours + four] = rows;
      }
      for (var i = index; i < TILE_DEPTH * COLUMN_THREADS; i += threads) {
        let k = select(i / COLUMN_THREADS, i % TILE_DEPTH, b_along_k);
        let four = select(i % COLUMN_THREADS, i / TILE_DEPTH, b_along_k);
        var columns = vec4f();
        if (start + k < product.depth) {
          let starts = b_starts(product.second, first_column + four * 4u);
          columns = b_columns(product.second, starts, start + k);
        }
        tile_b[k * COLUMN_THREADS + four] = columns;
      }
      workgroupBarrier();
      for (var k = 0u; k < TILE_DEPTH; k++) {
        let columns = tile_b[k * COLUMN_THREADS + thread.x];
        let upper = tile_a[k * row_fours + thread.y * 2u];
        let lower = tile_a[k * row_fours + thread.y * 2u + 1u];
        sum0 = fma(vec4f(upper.x), columns, sum0);
        sum1 = fma(vec4f(upper.y), columns, sum1);
        sum2 = fma(vec4f(upper.z), columns, sum2);
        sum3 = fma(vec4f(upper.w), columns, sum3);
        sum4 = fma(vec4f(lower.x), columns, sum4);
        sum5 = fma(vec4f(lower.y), columns, sum5);
        sum6 = fma(vec4f(lower.z), columns, sum6);
        sum7 = fma(vec4f(lower.w), columns, sum7);
      }
      workgroupBarrier();
    }
    let alpha = vec4f(product.alpha);
    total[0] = fma(alpha, sum0, total[0]);
    total[1] = fma(alpha, sum1, total[1]);
    total[2] = fma(alpha, sum2, total[2]);
    total[3] = fma(alpha, sum3, total[3]);
    total[4] = fma(alpha, sum4, total[4]);
    total[5] = fma(alpha, sum5, total[5]);
    total[6] = fma(alpha, sum6, total[6]);
    total[7] = fma(alpha, sum7, total[7]);
  }
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS)
fn tiled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) thread: vec3u) {
  let row = (group.y * LINE_THREADS + thread.y) * 8u;
  let column = (group.x * COLUMN_THREADS + thread.x) * 4u;
  for (var i = 0u; i < 8u; i++) {
    total[i] = initial4(row + i, column);
  }
  add_product(Product(false, p.k, p.alpha), group, thread);
  if (p.k2 > 0u) {
    add_product(Product(true, p.k2, p.alpha2), group, thread);
  }
  for (var i = 0u; i < 8u; i++) {
    store4(row + i, column, total[i]);
  }
}

// ---- Few rows: threads have 4 x 4 elements of C, and chunks of k of their own.

/** By slice, then by row, then by four columns. */
var<workgroup> partial: array<vec4f, SLICES * LINE_THREADS * 4u * COLUMN_THREADS>;

/** Elements of the first threads: four columns of one row of C. */
var<private> owned: vec4f;

fn add_slices(product: Product, group: vec3u, thread: vec3u, index: u32) {
  let row = (group.y * LINE_THREADS + thread.y) * 4u;
  let column = (group.x * COLUMN_THREADS + thread.x) * 4u;
  let fours = LINE_THREADS * 4u * COLUMN_THREADS;
  let rows_start = a_starts(product.second, row);
  let columns_start = b_starts(product.second, column);
  for (var round = 0u; round < product.depth; round += CHUNK * SLICES) {
    let start = round + thread.z * CHUNK;
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    for (var k = start; k < min(start + CHUNK, product.depth); k++) {
      let rows = a_rows(product.second, rows_start, k);
      let columns = b_columns(product.second, columns_start, k);
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
