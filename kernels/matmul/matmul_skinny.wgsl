// The variant for few rows, or few columns, of any layout. Follows matmul_elements.wgsl and
// matmul_few_rows.wgsl.

/** Sums over k from `start` to `end` of four rows and columns of one of the two products. */
fn chunk_of(second: bool, rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  let rows_start = a_starts(second, rows.x);
  let columns_start = b_starts(second, columns.x);
  var sums = mat4x4f();
  for (var k = start; k < end; k++) {
    sums = add_four(sums, a_rows(second, rows_start, k), b_columns(second, columns_start, k));
  }
  return sums;
}

fn product_chunk(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  return chunk_of(false, rows, columns, start, end);
}

fn extension_chunk(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  return chunk_of(true, rows, columns, start, end);
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn skinny(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  multiply_few_rows(group, thread, index);
}
