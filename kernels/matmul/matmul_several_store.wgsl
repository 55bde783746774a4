
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
