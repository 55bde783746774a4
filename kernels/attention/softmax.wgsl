// Common to attention.wgsl and attention_decode.wgsl: queries, scores and the softmax over blocks of
// keys, after "FlashAttention-2" (Dao 2023).

/** Softmax over the blocks of keys so far: the maximum, and Σ e^(score - maximum). */
struct Running {
  highest: f32,
  total: f32,
}

/** A softmax merged with its next block, and the factors of the earlier sums and of the block's. */
struct Merged {
  running: Running,
  earlier: f32,
  next: f32,
}

fn merge(running: Running, highest: f32, total: f32) -> Merged {
  let highest_now = max(running.highest, highest);
  let earlier = exp_f32(running.highest - highest_now);
  let next = exp_f32(highest - highest_now);
  let total_now = fma(running.total, earlier, total * next);
  return Merged(Running(highest_now, total_now), earlier, next);
}

fn query_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.q + row * p.q_stride + head * p.head_size + d;
  return keep(q_quad(at), p.head_size - min(d, p.head_size));
}

/** scale · dot + bias; LOWEST for a key that the query at `position` does not see. */
fn score(dot: f32, head: u32, key: u32, position: i32, keys: u32) -> f32 {
  if (key < first_visible(position) || key >= visible_keys(position, keys)) {
    return LOWEST;
  }
  return biased(dot, head, key, position);
}

fn sum4(x: vec4f) -> f32 {
  return x.x + x.y + x.z + x.w;
}

/** LOWEST where no key was seen. */
fn log_sum_exp(running: Running) -> f32 {
  if (running.total > 0.0) {
    return running.highest + log_f32(running.total);
  }
  return LOWEST;
}
