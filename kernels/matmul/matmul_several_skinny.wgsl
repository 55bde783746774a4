// The variant for every GPU, as `skinny` in matmul.wgsl: threads have 4 x 4 elements of a product, and
// chunks of k of their own.

/** Threads of a workgroup along the columns and the rows. */
override COLUMN_THREADS: u32 = 4u;
override LINE_THREADS: u32 = 4u;
/** Chunks that are computed at once. */
override SLICES: u32 = 8u;

/** By slice, then by row, then by four columns. */
var<workgroup> partial: array<vec4f, SLICES * LINE_THREADS * 4u * COLUMN_THREADS>;

/** Place of a thread: its rows and columns, those of the element it keeps, its number. */
struct Place {
  rows: vec4u,
  column: u32,
  kept_row: u32,
  kept_column: u32,
  thread: vec3u,
  index: u32,
}

/** The columns from `column` on; the last where there are fewer. */
fn four_columns(column: u32, n: u32) -> vec4u {
  return min(column + vec4u(0u, 1u, 2u, 3u), vec4u(n - 1u));
}

/** Four rows' sums of four columns, and the next product of both. */
fn add_four(sums: mat4x4f, rows: vec4f, columns: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(rows.x), columns, sums[0]),
    fma(vec4f(rows.y), columns, sums[1]),
    fma(vec4f(rows.z), columns, sums[2]),
    fma(vec4f(rows.w), columns, sums[3]),
  );
}

/** Adds the chunks of a round, in order, to what a thread keeps. */
fn add_chunks(kept: vec4f, sums: mat4x4f, round: u32, depth: u32, factor: f32, place: Place) -> vec4f {
  let fours = LINE_THREADS * 4u * COLUMN_THREADS;
  let at = place.thread.z * fours + place.thread.y * 4u * COLUMN_THREADS + place.thread.x;
  partial[at] = sums[0];
  partial[at + COLUMN_THREADS] = sums[1];
  partial[at + 2u * COLUMN_THREADS] = sums[2];
  partial[at + 3u * COLUMN_THREADS] = sums[3];
  workgroupBarrier();
  var total = kept;
  if (place.index < fours) {
    for (var slice = 0u; slice < SLICES && round + slice * CHUNK < depth; slice++) {
      total = fma(vec4f(factor), partial[slice * fours + place.index], total);
    }
  }
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn several_skinny(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  var piece = Piece(0u, group.x);
  if (!GATED) {
    piece = piece_of(group.x, COLUMN_THREADS * 4u);
  }
  let first_row = group.y * LINE_THREADS * 4u;
  let first_column = piece.index * COLUMN_THREADS * 4u;
  let row = first_row + thread.y * 4u;
  let place = Place(
    min(row + vec4u(0u, 1u, 2u, 3u), vec4u(p.m - 1u)),
    first_column + thread.x * 4u,
    first_row + index / COLUMN_THREADS,
    first_column + index % COLUMN_THREADS * 4u,
    thread,
    index,
  );
  let keeps = index < LINE_THREADS * 4u * COLUMN_THREADS;
  if (piece.product == 0u) {
    var value = activated(product_0(place));
    if (GATED) {
      value *= product_1(place);
    }
    if (keeps) {
      store_0(place.kept_row, place.kept_column, value);
    }
  } else if (piece.product == 1u) {
    let value = product_1(place);
    if (keeps) {
      store_1(place.kept_row, place.kept_column, value);
    }
  } else {
    let value = product_2(place);
    if (keeps) {
      store_2(place.kept_row, place.kept_column, value);
    }
  }
}
