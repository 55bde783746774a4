// The variant for few rows where A, B and their extension are contiguous along k. Follows
// matmul_shared.wgsl and matmul_narrow_sums.wgsl.

/** Four neighbours in B along k. */
fn b_four(element: u32) -> vec4f {
  if (BF16) {
    return widen4(b[(p.b + element / 2u) / 2u]);
  }
  let at = (p.b + element) / 2u;
  return bitcast<vec4f>(vec4u(b[at], b[at + 1u]));
}

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn narrow(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let first_row = group.y * LINE_THREADS * 4u;
  let place = place_of(first_row, group.x * COLUMN_THREADS * 4u, p.m, thread, index);
  let columns = four_columns(place.column, p.n);
  var kept = vec4f();
  if (keeps(place)) {
    kept = initial4(place.kept_row, place.kept_column);
  }
  for (var round = 0u; round < p.k; round += CHUNK * SLICES) {
    let start = round + thread.z * CHUNK;
    var sums = mat4x4f();
    for (var k = start; k < min(start + CHUNK, p.k); k += 4u) {
      let at = (p.a + place.rows * p.a_row_stride + k) / 4u;
      let b_at = columns * p.b_n_stride + k;
      sums = add_fours(
        sums,
        mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]),
        mat4x4f(b_four(b_at.x), b_four(b_at.y), b_four(b_at.z), b_four(b_at.w)),
      );
    }
    kept = add_chunks(kept, sums, round, p.k, p.alpha, place);
  }
  for (var round = 0u; round < p.k2; round += CHUNK * SLICES) {
    let start = round + thread.z * CHUNK;
    var sums = mat4x4f();
    for (var k = start; k < min(start + CHUNK, p.k2); k += 4u) {
      let at = (p.a2 + place.rows * p.k2 + k) / 4u;
      let b_at = (p.b2 + columns * p.b2_n_stride + k) / 4u;
      sums = add_fours(
        sums,
        mat4x4f(a2[at.x], a2[at.y], a2[at.z], a2[at.w]),
        mat4x4f(b2[b_at.x], b2[b_at.y], b2[b_at.z], b2[b_at.w]),
      );
    }
    kept = add_chunks(kept, sums, round, p.k2, p.alpha2, place);
  }
  if (keeps(place)) {
    store4(place.kept_row, place.kept_column, kept);
  }
}
