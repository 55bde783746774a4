// The variant for few rows where A, B and their extension are contiguous along k. Follows
// matmul_fours.wgsl and matmul_few_rows.wgsl.

/** Four neighbours in B along k. */
fn b_four(element: u32) -> vec4f {
  if (BF16) {
    return widen4(b[(p.b + element / 2u) / 2u]);
  }
  let at = (p.b + element) / 2u;
  return bitcast<vec4f>(vec4u(b[at], b[at + 1u]));
}

/** Sums over k from `start` to `end` of four rows and columns; `extension_chunk` those of the extension. */
fn product_chunk(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  var sums = mat4x4f();
  for (var k = start; k < end; k += 4u) {
    let at = (p.a + rows * p.a_row_stride + k) / 4u;
    let b_at = columns * p.b_n_stride + k;
    sums = add_fours(
      sums,
      mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]),
      mat4x4f(b_four(b_at.x), b_four(b_at.y), b_four(b_at.z), b_four(b_at.w)),
    );
  }
  return sums;
}

fn extension_chunk(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  var sums = mat4x4f();
  for (var k = start; k < end; k += 4u) {
    let at = (p.a2 + rows * p.k2 + k) / 4u;
    let b_at = (p.b2 + columns * p.b2_n_stride + k) / 4u;
    sums = add_fours(
      sums,
      mat4x4f(a2[at.x], a2[at.y], a2[at.z], a2[at.w]),
      mat4x4f(b2[b_at.x], b2[b_at.y], b2[b_at.z], b2[b_at.w]),
    );
  }
  return sums;
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn narrow(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  multiply_few_rows(group, thread, index);
}
