
/** A thread's part of the sum of squares of a head. */
fn squares_N(row: u32, head: u32, thread: u32) -> f32 {
  let start = p.x_N + (row * p.heads_N + head) * p.head_size;
  var sum = 0.0;
  for (var i = thread; i < p.head_size; i += HEAD_THREADS) {
    sum = fma(x[start + i], x[start + i], sum);
  }
  return sum;
}

/** A thread's part of a head. */
fn rotate_N(row: u32, head: u32, scale: f32, thread: u32) {
  let half = p.head_size / 2u;
  let start = p.x_N + (row * p.heads_N + head) * p.head_size;
  var place = row;
  if (p.placed_N != 0u) {
    place = places[p.places + row];
  }
  let to = p.y_N + (place * p.heads_N + head) * p.head_size;
  let angles = p.table + positions[p.positions + row] * p.head_size;
  for (var i = thread; i < half; i += HEAD_THREADS) {
    var a = x[start + i];
    var b = x[start + half + i];
    if (p.weight_N != NONE) {
      a = a * scale * (weight[p.weight_N + i] + p.weight_offset);
      b = b * scale * (weight[p.weight_N + half + i] + p.weight_offset);
    }
    let cosine = table[angles + i];
    let sine = table[angles + half + i];
    y_N[to + i] = fma(-b, sine, a * cosine);
    y_N[to + half + i] = fma(a, sine, b * cosine);
  }
  if (thread == 0u && p.rstd_N != NONE) {
    rstd[p.rstd_N + row * p.heads_N + head] = scale;
  }
}
