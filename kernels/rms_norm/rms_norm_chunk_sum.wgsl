
/** The sum of a chunk of the normed row times row `at` of A_N. */
fn chunk_sum_N(at: u32, round: u32, slice: u32) -> f32 {
  let start = p.a_N + at * p.width + round;
  var sum = 0.0;
  for (var i = slice * CHUNK; i < min((slice + 1u) * CHUNK, p.width - round); i++) {
    sum = fma(normed[i], a_N[start + i], sum);
  }
  return sum;
}
