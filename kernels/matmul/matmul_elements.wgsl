// Elements of A and B at one k, of any layout, as `tiled` and `skinny` read them.

/** Beginnings of four rows of A; of the last row where there are fewer. */
fn a_starts(second: bool, row: u32) -> vec4u {
  let rows = min(row + vec4u(0u, 1u, 2u, 3u), vec4u(p.m - 1u));
  if (second) {
    return p.a2 + rows * p.k2;
  }
  return p.a + rows * p.a_row_stride;
}

/** Four rows of A at one k. */
fn a_rows(second: bool, starts: vec4u, k: u32) -> vec4f {
  if (second) {
    let at = starts + k;
    return vec4f(a2[at.x], a2[at.y], a2[at.z], a2[at.w]);
  }
  let at = starts + k * p.a_column_stride;
  return vec4f(a[at.x], a[at.y], a[at.z], a[at.w]);
}

/** Beginnings of four columns of B, in elements; of the last where there are fewer. */
fn b_starts(second: bool, column: u32) -> vec4u {
  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u));
  if (second) {
    return p.b2 + columns * p.b2_n_stride;
  }
  return columns * p.b_n_stride;
}

/** Four columns of B at one k. */
fn b_columns(second: bool, starts: vec4u, k: u32) -> vec4f {
  if (second) {
    let at = starts + k * p.b2_k_stride;
    return vec4f(b2[at.x], b2[at.y], b2[at.z], b2[at.w]);
  }
  let at = starts + k * p.b_k_stride;
  if (BF16) {
    let word = p.b + at / 2u;
    return vec4f(
      widen_bf16(b[word.x], at.x),
      widen_bf16(b[word.y], at.y),
      widen_bf16(b[word.z], at.z),
      widen_bf16(b[word.w], at.w),
    );
  }
  let word = p.b + at;
  return bitcast<vec4f>(vec4u(b[word.x], b[word.y], b[word.z], b[word.w]));
}
