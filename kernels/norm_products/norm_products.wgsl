// The norm of rows and products of it with a few more rows, as a low-rank adapter's A: y = norm(x) and
// u_i = y A_iᵀ (+ bias). A workgroup takes ROWS rows, a component of a vector each. Workgroups share
// their products; each norms the rows for itself. Sums are those of rms_norm.wgsl, layer_norm.wgsl and
// matmul.wgsl, bit for bit. What is numbered _N is there for every product.

/** Chunks of the rows that are in workgroup memory at once. */
const SLICES = 8u;

/** By column. */
var<workgroup> normed: array<vec4f, CHUNK * SLICES>;
/** Sums of chunks, by product. */
var<workgroup> partial: array<vec4f, SLICES * MAX_COLUMNS>;
var<workgroup> thread_sums: array<vec4f, ROW_THREADS>;

/** The elements of x at four places. */
fn four_rows(at: vec4u) -> vec4f {
  return vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
}

/** The prelude's `row_sum` of four rows at once. */
fn row_sums(values: vec4f, thread: u32) -> vec4f {
  thread_sums[thread] = values;
  workgroupBarrier();
  for (var half = ROW_THREADS / 2u; half > 0u; half >>= 1u) {
    if (thread < half) {
      thread_sums[thread] += thread_sums[thread + half];
    }
    workgroupBarrier();
  }
  let sums = thread_sums[0];
  workgroupBarrier();
  return sums;
}

/** The sum of a chunk of the product with row `at` of all the A_i. */
fn chunk_sum(at: u32, round: u32, slice: u32) -> vec4f {
  if (at < p.n_0) {
    return chunk_sum_0(at, round, slice);
  }
  if (at < p.n_0 + p.n_1) {
    return chunk_sum_1(at - p.n_0, round, slice);
  }
  return chunk_sum_2(at - p.n_0 - p.n_1, round, slice);
}

/** Place of the product of `row` with row `at` of all the A_i. */
fn place_of(at: u32, row: u32) -> u32 {
  if (at < p.n_0) {
    return p.u + p.u_start_0 + row * p.n_0 + at;
  }
  if (at < p.n_0 + p.n_1) {
    return p.u + p.u_start_1 + row * p.n_1 + at - p.n_0;
  }
  return p.u + p.u_start_2 + row * p.n_2 + at - p.n_0 - p.n_1;
}

@compute @workgroup_size(ROW_THREADS)
fn norm_products(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let item = flat_group(group, groups);
  let first_row = item / p.parts * ROWS;
  if (first_row >= p.rows) {
    return;
  }
  let part = item % p.parts;
  let rows = min(ROWS, p.rows - first_row);
  // The last row instead of those past it.
  let starts = p.x + (first_row + min(vec4u(0u, 1u, 2u, 3u), vec4u(rows - 1u))) * p.width;
  var means = vec4f();
  if (p.norm_bias != NONE) {
    var sums = vec4f();
    for (var i = thread; i < p.width; i += ROW_THREADS) {
      sums += four_rows(starts + i);
    }
    means = row_sums(sums, thread) / f32(p.width);
  }
  var squares = vec4f();
  for (var i = thread; i < p.width; i += ROW_THREADS) {
    let values = four_rows(starts + i) - means;
    squares = fma(values, values, squares);
  }
  let scales = 1.0 / sqrt(row_sums(squares, thread) / f32(p.width) + p.eps);
  let first = part * p.part_columns;
  let count = min(p.part_columns, p.n_0 + p.n_1 + p.n_2 - first);
  var totals = vec4f();
  if (thread < count && p.bias != NONE) {
    totals = vec4f(bias[p.bias + first + thread]);
  }
  for (var round = 0u; round < p.width; round += CHUNK * SLICES) {
    for (var i = thread; i < min(CHUNK * SLICES, p.width - round); i += ROW_THREADS) {
      let scaled = (four_rows(starts + round + i) - means) * scales;
      let w = weight[p.weight + round + i] + p.weight_offset;
      var values = scaled * w;
      if (p.norm_bias != NONE) {
        values = fma(scaled, vec4f(w), vec4f(norm_bias[p.norm_bias + round + i]));
      }
      normed[i] = values;
      if (part == 0u) {
        for (var row = 0u; row < rows; row++) {
          y[p.y + (first_row + row) * p.width + round + i] = values[row];
        }
      }
    }
    workgroupBarrier();
    let slices = min(SLICES, (p.width - round + CHUNK - 1u) / CHUNK);
    for (var i = thread; i < count * slices; i += ROW_THREADS) {
      partial[i] = chunk_sum(first + i / slices, round, i % slices);
    }
    workgroupBarrier();
    if (thread < count) {
      for (var slice = 0u; slice < slices; slice++) {
        totals += partial[thread * slices + slice];
      }
    }
  }
  if (thread < count) {
    for (var row = 0u; row < rows; row++) {
      u[place_of(first + thread, first_row + row)] = totals[row];
    }
  }
}
