// C[M, N] (+)= alpha A[M, K] B[K, N] + alpha2 A2[M, K2] B2[K2, N] (+ bias[N]) (+ residual[M, N]).
//
// Every element of a product is summed in chunks of CHUNK along k: in a chunk a chain of fused
// multiply-adds from 0, then the chunks are added, in order, to what C starts with: by every variant
// (`tiled`, `skinny`, `narrow` and `staged` in files of their names, `broadcast` in
// matmul_subgroups.wgsl), so the result is the same, bit for bit. The result of a row depends neither on
// the rows beside it nor on the variant.

/** B is bf16; B2 never is. */
override BF16: bool = false;

/** Initial values of four adjacent elements of a row of C; arbitrary beyond the last column. */
fn initial4(row: u32, column: u32) -> vec4f {
  if (row >= p.m || column >= p.n) {
    return vec4f();
  }
  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u));
  var value = vec4f();
  if (p.residual != NONE) {
    let at = p.residual + row * p.residual_row_stride + columns;
    value = vec4f(residual[at.x], residual[at.y], residual[at.z], residual[at.w]);
  } else if (p.accumulate != 0u) {
    let at = p.c + row * p.c_row_stride + columns;
    value = vec4f(c[at.x], c[at.y], c[at.z], c[at.w]);
  }
  if (p.bias != NONE) {
    let at = p.bias + columns;
    value += vec4f(bias[at.x], bias[at.y], bias[at.z], bias[at.w]);
  }
  return value;
}

fn store4(row: u32, column: u32, value: vec4f) {
  if (row >= p.m) {
    return;
  }
  let at = p.c + row * p.c_row_stride + column;
  if (column < p.n) {
    c[at] = value.x;
  }
  if (column + 1u < p.n) {
    c[at + 1u] = value.y;
  }
  if (column + 2u < p.n) {
    c[at + 2u] = value.z;
  }
  if (column + 3u < p.n) {
    c[at + 3u] = value.w;
  }
}
