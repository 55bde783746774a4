// C[M, N] (+)= alpha A[M, K] B[K, N] + alpha2 A2[M, K2] B2[K2, N] (+ bias[N]) (+ residual[M, N]).
//
// Every element of a product is summed in chunks of CHUNK along k: in a chunk a chain of fused
// multiply-adds from 0, then the chunks are added, in order, to what C starts with: by every variant
// (`tiled` and `skinny` in matmul.wgsl, `broadcast` in matmul_subgroups.wgsl), so the result is the
// same, bit for bit. What a row gives depends neither on the rows beside it nor on the variant.

/** B is bf16; B2 never is. */
override BF16: bool = false;

/** Initial value of an element of C. */
fn initial(row: u32, column: u32) -> f32 {
  if (row >= p.m || column >= p.n) {
    return 0.0;
  }
  var value = 0.0;
  if (p.residual != NONE) {
    value = residual[p.residual + row * p.residual_row_stride + column];
  } else if (p.accumulate != 0u) {
    value = c[p.c + row * p.c_row_stride + column];
  }
  if (p.bias != NONE) {
    value += bias[p.bias + column];
  }
  return value;
}

fn initial4(row: u32, column: u32) -> vec4f {
  return vec4f(
    initial(row, column),
    initial(row, column + 1u),
    initial(row, column + 2u),
    initial(row, column + 3u),
  );
}

fn store4(row: u32, column: u32, value: vec4f) {
  if (row >= p.m) {
    return;
  }
  for (var i = 0u; i < 4u; i++) {
    if (column + i < p.n) {
      c[p.c + row * p.c_row_stride + column + i] = value[i];
    }
  }
}
