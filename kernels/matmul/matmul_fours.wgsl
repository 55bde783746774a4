// Common to the kernels that read four neighbours along k at once: depths and ranks are multiples of four.

/** Four bf16 values. */
fn widen4(words: vec2u) -> vec4f {
  return bitcast<vec4f>(vec4u(
    words.x << 16u,
    words.x & 0xffff0000u,
    words.y << 16u,
    words.y & 0xffff0000u,
  ));
}

/** sum + four elements of a row times the columns of `block`, in the order of k. */
fn add_row(sum: vec4f, row: vec4f, block: mat4x4f) -> vec4f {
  var result = fma(vec4f(row.x), block[0], sum);
  result = fma(vec4f(row.y), block[1], result);
  result = fma(vec4f(row.z), block[2], result);
  return fma(vec4f(row.w), block[3], result);
}

/** Four rows' sums of four columns, and their next four products; both come by row or column, then k. */
fn add_fours(sums: mat4x4f, rows: mat4x4f, columns: mat4x4f) -> mat4x4f {
  let block = transpose(columns);
  return mat4x4f(
    add_row(sums[0], rows[0], block),
    add_row(sums[1], rows[1], block),
    add_row(sums[2], rows[2], block),
    add_row(sums[3], rows[3], block),
  );
}
