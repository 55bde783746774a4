
/** The product's elements of a thread. */
fn product_N(place: Place) -> Rows {
  let bias = bias4_N(place.column);
  let biases = mat4x4f(bias, bias, bias, bias);
  var total = Rows(biases, biases);
  let starts = column_starts(place.column, p.n_N, p.k);
  for (var chunk = 0u; chunk < p.k; chunk += CHUNK) {
    var sums = Rows();
    for (var k = chunk; k < min(chunk + CHUNK, p.k); k += 4u) {
      let block = transpose(mat4x4f(
        weight_N(starts.x + k),
        weight_N(starts.y + k),
        weight_N(starts.z + k),
        weight_N(starts.w + k),
      ));
      sums = add_rows(sums, a[(p.a + place.read_row * p.k + k) / 4u], block);
    }
    total = add_chunk(total, 1.0, sums);
  }
  let rank_starts = column_starts(place.column, p.n_N, p.rank_N);
  for (var chunk = 0u; chunk < p.rank_N; chunk += CHUNK) {
    var sums = Rows();
    for (var k = chunk; k < min(chunk + CHUNK, p.rank_N); k += 4u) {
      let block = transpose(mat4x4f(
        b[(p.b_N + rank_starts.x + k) / 4u],
        b[(p.b_N + rank_starts.y + k) / 4u],
        b[(p.b_N + rank_starts.z + k) / 4u],
        b[(p.b_N + rank_starts.w + k) / 4u],
      ));
      sums = add_rows(sums, u[(p.u_N + place.read_row * p.rank_N + k) / 4u], block);
    }
    total = add_chunk(total, p.scale_N, sums);
  }
  return total;
}
