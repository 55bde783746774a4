
/** Sums over k from `start` to `end` of four rows and columns; `update_chunk_N` those of the update. */
fn weight_chunk_N(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  var sums = mat4x4f();
  for (var k = start; k < end; k += 4u) {
    let at = (p.a + rows * p.k + k) / 4u;
    let w_at = columns * p.k + k;
    sums = add_fours(
      sums,
      mat4x4f(a[at.x], a[at.y], a[at.z], a[at.w]),
      mat4x4f(weight_N(w_at.x), weight_N(w_at.y), weight_N(w_at.z), weight_N(w_at.w)),
    );
  }
  return sums;
}

fn update_chunk_N(rows: vec4u, columns: vec4u, start: u32, end: u32) -> mat4x4f {
  var sums = mat4x4f();
  for (var k = start; k < end; k += 4u) {
    let at = (p.u_N + rows * p.rank_N + k) / 4u;
    let b_at = (p.b_N + columns * p.rank_N + k) / 4u;
    sums = add_fours(
      sums,
      mat4x4f(u[at.x], u[at.y], u[at.z], u[at.w]),
      mat4x4f(b[b_at.x], b[b_at.y], b[b_at.z], b[b_at.w]),
    );
  }
  return sums;
}
