// Common to the kernels for few rows: a thread has 4 x 4 elements of a product, and chunks of k of its own.
// Chunks that are computed at once are then added in order.

/** Threads of a workgroup along the columns and the rows. */
override COLUMN_THREADS: u32 = 4u;
override LINE_THREADS: u32 = 4u;
/** Chunks that are computed at once. */
override SLICES: u32 = 16u;

/** By slice, then by row, then by four columns. */
var<workgroup> partial: array<vec4f, SLICES * LINE_THREADS * 4u * COLUMN_THREADS>;

/** Place of a thread: its rows and its first column, and those of the four elements that it keeps. */
struct Place {
  rows: vec4u,
  column: u32,
  kept_row: u32,
  kept_column: u32,
  thread: vec3u,
  index: u32,
}

/** The place of a thread in a workgroup that begins at a row and a column of the result. */
fn place_of(first_row: u32, first_column: u32, m: u32, thread: vec3u, index: u32) -> Place {
  let row = first_row + thread.y * 4u;
  return Place(
    min(row + vec4u(0u, 1u, 2u, 3u), vec4u(m - 1u)),
    first_column + thread.x * 4u,
    first_row + index / COLUMN_THREADS,
    first_column + index % COLUMN_THREADS * 4u,
    thread,
    index,
  );
}

/** Tells threads that keep elements. */
fn keeps(place: Place) -> bool {
  return place.index < LINE_THREADS * 4u * COLUMN_THREADS;
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
  if (keeps(place)) {
    for (var slice = 0u; slice < SLICES && round + slice * CHUNK < depth; slice++) {
      total = fma(vec4f(factor), partial[slice * fours + place.index], total);
    }
  }
  workgroupBarrier();
  return total;
}
