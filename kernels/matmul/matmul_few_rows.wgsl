/**
 * The elements of C that a thread keeps, from sums of `product_chunk` and `extension_chunk`. Follows
 * matmul_slices.wgsl.
 */
fn multiply_few_rows(group: vec3u, thread: vec3u, index: u32) {
  let first_row = group.y * LINE_THREADS * 4u;
  let place = place_of(first_row, group.x * COLUMN_THREADS * 4u, p.m, thread, index);
  let columns = four_columns(place.column, p.n);
  var kept = vec4f();
  if (keeps(place)) {
    kept = initial4(place.kept_row, place.kept_column);
  }
  for (var round = 0u; round < p.k; round += CHUNK * SLICES) {
    let start = round + thread.z * CHUNK;
    let sums = product_chunk(place.rows, columns, start, min(start + CHUNK, p.k));
    kept = add_chunks(kept, sums, round, p.k, p.alpha, place);
  }
  for (var round = 0u; round < p.k2; round += CHUNK * SLICES) {
    let start = round + thread.z * CHUNK;
    let sums = extension_chunk(place.rows, columns, start, min(start + CHUNK, p.k2));
    kept = add_chunks(kept, sums, round, p.k2, p.alpha2, place);
  }
  if (keeps(place)) {
    store4(place.kept_row, place.kept_column, kept);
  }
}
