
/** Writes four columns of a row of a product. */
fn store_N(row: u32, column: u32, value: vec4f) {
  if (row >= p.m) {
    return;
  }
  var to = row;
  if (p.placed_N != 0u) {
    to = rows[p.rows + row];
  }
  for (var i = 0u; i < 4u; i++) {
    if (column + i < p.n_N) {
      c_N[p.c_N + to * p.n_N + column + i] = value[i];
    }
  }
}

/** Four columns of the bias; zeros where there is none. */
fn bias4_N(column: u32) -> vec4f {
  if (p.bias_N == NONE) {
    return vec4f();
  }
  let at = p.bias_N + min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n_N - 1u));
  return vec4f(bias_N[at.x], bias_N[at.y], bias_N[at.z], bias_N[at.w]);
}
