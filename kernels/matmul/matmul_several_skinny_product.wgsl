
/** Four columns of the weight at one k. */
fn weight_N(at: vec4u) -> vec4f {
  if (BF16) {
    let word = p.w_N + at / 2u;
    return vec4f(
      widen_bf16(w[word.x], at.x),
      widen_bf16(w[word.y], at.y),
      widen_bf16(w[word.z], at.z),
      widen_bf16(w[word.w], at.w),
    );
  }
  let word = p.w_N + at;
  return bitcast<vec4f>(vec4u(w[word.x], w[word.y], w[word.z], w[word.w]));
}

/** The thread's elements of the product. */
fn product_N(place: Place) -> vec4f {
  var kept = bias4_N(place.kept_column);
  let columns = four_columns(place.column, p.n_N);
  for (var round = 0u; round < p.k; round += CHUNK * SLICES) {
    let start = round + place.thread.z * CHUNK;
    var sums = mat4x4f();
    for (var k = start; k < min(start + CHUNK, p.k); k++) {
      let at = p.a + place.rows * p.k + k;
      sums = add_four(sums, vec4f(a[at.x], a[at.y], a[at.z], a[at.w]), weight_N(columns * p.k + k));
    }
    kept = add_chunks(kept, sums, round, p.k, 1.0, place);
  }
  for (var round = 0u; round < p.rank_N; round += CHUNK * SLICES) {
    let start = round + place.thread.z * CHUNK;
    var sums = mat4x4f();
    for (var k = start; k < min(start + CHUNK, p.rank_N); k++) {
      let at = p.u_N + place.rows * p.rank_N + k;
      let start_b = p.b_N + columns * p.rank_N + k;
      sums = add_four(
        sums,
        vec4f(u[at.x], u[at.y], u[at.z], u[at.w]),
        vec4f(b[start_b.x], b[start_b.y], b[start_b.z], b[start_b.w]),
      );
    }
    kept = add_chunks(kept, sums, round, p.rank_N, p.scale_N, place);
  }
  return kept;
}
