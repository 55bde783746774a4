
/** The four elements of the product that a thread keeps, from sums of `weight_chunk_N` and `update_chunk_N`. */
fn product_N(place: Place) -> vec4f {
  var kept = bias4_N(place.kept_column);
  let columns = four_columns(place.column, p.n_N);
  for (var round = 0u; round < p.k; round += CHUNK * SLICES) {
    let start = round + place.thread.z * CHUNK;
    let sums = weight_chunk_N(place.rows, columns, start, min(start + CHUNK, p.k));
    kept = add_chunks(kept, sums, round, p.k, 1.0, place);
  }
  for (var round = 0u; round < p.rank_N; round += CHUNK * SLICES) {
    let start = round + place.thread.z * CHUNK;
    let sums = update_chunk_N(place.rows, columns, start, min(start + CHUNK, p.rank_N));
    kept = add_chunks(kept, sums, round, p.rank_N, p.scale_N, place);
  }
  return kept;
}
