
/** Writes four columns of a row of a product. */
fn store_N(row: u32, column: u32, value: vec4f) {
  if (row >= p.m) {
    return;
  }
  let count = min(4u, p.n_N - min(column, p.n_N));
  if (p.placed_N != NONE) {
    var place = row;
    if (p.rows != NONE) {
      place = rows[p.rows + row];
    }
    for (var i = 0u; i < count; i++) {
      placed[p.placed_N + place * p.n_N + column + i] = value[i];
    }
    return;
  }
  for (var i = 0u; i < count; i++) {
    c[p.c_N + row * p.n_N + column + i] = value[i];
  }
}

/** Four columns of the bias; zeros where there is none. */
fn bias4_N(column: u32) -> vec4f {
  if (p.bias_N == NONE) {
    return vec4f();
  }
  let at = p.bias_N + min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n_N - 1u));
  return vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
}
