// Several products of one A with few rows, c_i = A W_iᵀ + scale_i (u_i B_iᵀ) + bias_i, in one dispatch:
// a workgroup computes a piece of one of them, with a gate the same piece of both. What is numbered _N
// is there for every product (see `numbered`); how a piece is computed is in
// matmul_several_few_rows.wgsl and matmul_several_broadcast.wgsl. Sums are those of a product alone, bit
// for bit: see matmul_shared.wgsl.

/** The weights are bf16. */
override BF16: bool = false;
/** Activation function of the first product: one of ACTIVATION_NUMBERS, NONE for none. */
override ACTIVATION: u32 = 0xffffffffu;
/** The first product is then multiplied by the second. */
override GATED: bool = false;

/** A piece of one of the products, the work of a workgroup. */
struct Piece {
  product: u32,
  index: u32,
}

/** The piece of workgroup `group`, where a piece has `columns` columns. */
fn piece_of(group: u32, columns: u32) -> Piece {
  let pieces_0 = (p.n_0 + columns - 1u) / columns;
  let pieces_1 = (p.n_1 + columns - 1u) / columns;
  if (group < pieces_0) {
    return Piece(0u, group);
  }
  if (group < pieces_0 + pieces_1) {
    return Piece(1u, group - pieces_0);
  }
  return Piece(2u, group - pieces_0 - pieces_1);
}

/** Four columns of the first product, activated. */
fn activated(value: vec4f) -> vec4f {
  if (ACTIVATION == NONE) {
    return value;
  }
  return vec4f(
    value_and_slope(ACTIVATION, value.x).x,
    value_and_slope(ACTIVATION, value.y).x,
    value_and_slope(ACTIVATION, value.z).x,
    value_and_slope(ACTIVATION, value.w).x,
  );
}
