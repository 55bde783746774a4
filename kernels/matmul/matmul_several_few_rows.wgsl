/** The work of a workgroup: a piece of a product from sums of `product_N`. Follows matmul_slices.wgsl. */
fn multiply_several(group: vec3u, thread: vec3u, index: u32) {
  var piece = Piece(0u, group.x);
  if (!GATED) {
    piece = piece_of(group.x, COLUMN_THREADS * 4u);
  }
  let first_column = piece.index * COLUMN_THREADS * 4u;
  let place = place_of(group.y * LINE_THREADS * 4u, first_column, p.m, thread, index);
  if (piece.product == 0u) {
    var value = activated(product_0(place));
    if (GATED) {
      value *= product_1(place);
    }
    if (keeps(place)) {
      store_0(place.kept_row, place.kept_column, value);
    }
  } else if (piece.product == 1u) {
    let value = product_1(place);
    if (keeps(place)) {
      store_1(place.kept_row, place.kept_column, value);
    }
  } else {
    let value = product_2(place);
    if (keeps(place)) {
      store_2(place.kept_row, place.kept_column, value);
    }
  }
}
