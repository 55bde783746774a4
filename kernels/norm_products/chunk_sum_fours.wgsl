
/** chunk_sum.wgsl where rows of A_N are whole, aligned fours: the same sums. */
fn chunk_sum_N(at: u32, round: u32, slice: u32) -> vec4f {
  let start = p.a_N + at * p.width + round;
  var sums = vec4f();
  for (var i = slice * CHUNK; i < min((slice + 1u) * CHUNK, p.width - round); i += 4u) {
    let four = a[(start + i) / 4u];
    sums = fma(normed[i], vec4f(four.x), sums);
    sums = fma(normed[i + 1u], vec4f(four.y), sums);
    sums = fma(normed[i + 2u], vec4f(four.z), sums);
    sums = fma(normed[i + 3u], vec4f(four.w), sums);
  }
  return sums;
}
