
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

/** Sums over k from `start` to `end` of four rows and columns; `update_chunk_N` those of the update. */
fn weight_chunk_N(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  var sums = mat4x4f();
  for (var k = start; k < end; k++) {
    let at = p.a + rows * p.k + k;
    sums = add_four(sums, vec4f(a[at.x], a[at.y], a[at.z], a[at.w]), weight_N(columns * p.k + k));
  }
  return sums;
}

fn update_chunk_N(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  var sums = mat4x4f();
  for (var k = start; k < end; k++) {
    let at = p.u_N + rows * p.rank_N + k;
    let b_at = p.b_N + columns * p.rank_N + k;
    sums = add_four(
      sums,
      vec4f(u[at.x], u[at.y], u[at.z], u[at.w]),
      vec4f(b[b_at.x], b[b_at.y], b[b_at.z], b[b_at.w]),
    );
  }
  return sums;
}
