
/** Four neighbours in a row of the weight. */
fn weight_N(element: u32) -> vec4f {
  if (BF16) {
    return widen4(w[(p.w_N + element / 2u) / 2u]);
  }
  let at = (p.w_N + element) / 2u;
  return bitcast<vec4f>(vec4u(w[at], w[at + 1u]));
}

/** The four elements of the product that a thread keeps. */
fn product_N(place: Place) -> vec4f {
  var kept = bias4_N(place.kept_column);
  let columns = four_columns(place.column, p.n_N);
  for (var round = 0u; round < p.k; round += CHUNK * SLICES) {
    let start = round + place.thread.z * CHUNK;
    var sums = mat4x4f();
    for (var k = start; k < min(start + CHUNK, p.k); k += 4u) {
      let at = (p.a + place.rows * p.k + k) / 4u;
      let w_at = columns * p.k + k;
      sums = add_fours(
        sums,
        mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]),
        mat4x4f(weight_N(w_at.x), weight_N(w_at.y), weight_N(w_at.z), weight_N(w_at.w)),
      );
    }
    kept = add_chunks(kept, sums, round, p.k, 1.0, place);
  }
  for (var round = 0u; round < p.rank_N; round += CHUNK * SLICES) {
    let start = round + place.thread.z * CHUNK;
    var sums = mat4x4f();
    for (var k = start; k < min(start + CHUNK, p.rank_N); k += 4u) {
      let at = (p.u_N + place.rows * p.rank_N + k) / 4u;
      let b_at = (p.b_N + columns * p.rank_N + k) / 4u;
      sums = add_fours(
        sums,
        mat4x4f(u[at.x], u[at.y], u[at.z], u[at.w]),
        mat4x4f(b[b_at.x], b[b_at.y], b[b_at.z], b[b_at.w]),
      );
    }
    kept = add_chunks(kept, sums, round, p.rank_N, p.scale_N, place);
  }
  return kept;
}
