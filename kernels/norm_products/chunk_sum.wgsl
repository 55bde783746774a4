
/** The sums of a chunk of the normed rows times row `at` of A_N. */
fn chunk_sum_N(at: u32, round: u32, slice: u32) -> vec4f {
  let start = p.a_N + at * p.width + round;
  var sums = vec4f();
  for (var i = slice * CHUNK; i < min((slice + 1u) * CHUNK, p.width - round); i++) {
    sums = fma(normed[i], vec4f(a[start + i]), sums);
  }
  return sums;
}
