// Several products of one A with few rows, c_i = A W_iᵀ + scale_i (u_i B_iᵀ), in one dispatch: a
// workgroup computes a piece of one of them, with a gate the same piece of both. What is numbered _N
// is there for every product (see `numbered`); how a piece is computed is in matmul_several_skinny.wgsl
// and matmul_several_broadcast.wgsl. Sums are those of matmul.wgsl, bit for bit: see matmul_shared.wgsl.

struct Params {
  c_0: u32,
  c_1: u32,
  c_2: u32,
  a: u32,
  w_0: u32,
  w_1: u32,
  w_2: u32,
  u: u32,
  b_0: u32,
  b_1: u32,
  b_2: u32,
  rows: u32,
  m: u32,
  k: u32,
  /** Columns of each product. */
  n_0: u32,
  n_1: u32,
  n_2: u32,
  /** Columns of u_i [m, rank_i], 0 for none, and where it begins in u. */
  rank_0: u32,
  rank_1: u32,
  rank_2: u32,
  u_0: u32,
  u_1: u32,
  u_2: u32,
  /** Whether row i of the product is row rows[i] of what c is bound to. */
  placed_0: u32,
  placed_1: u32,
  placed_2: u32,
  scale_0: f32,
  scale_1: f32,
  scale_2: f32,
}

/** Whether the weights are bf16. */
override BF16: bool = false;
/** What the first product goes through: a kind of activation.ts, NONE for nothing. */
override ACTIVATION: u32 = 0xffffffffu;
/** Whether the first product is then multiplied by the second. */
override GATED: bool = false;

const CHUNK = 32u;

@group(0) @binding(0) var<storage, read_write> c_0: array<f32>;
@group(0) @binding(1) var<storage, read_write> c_1: array<f32>;
@group(0) @binding(2) var<storage, read_write> c_2: array<f32>;
@group(0) @binding(11) var<storage, read> rows: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

/** Which product a workgroup works on, and on which of its pieces. */
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
