// Common to attention.wgsl and attention_decode.wgsl: operands, scores and the softmax over blocks
// of keys, after "FlashAttention-2" (Dao 2023).

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
  return keep(vec4f(q[at], q[at + 1u], q[at + 2u], q[at + 3u]), p.head_size - min(d, p.head_size));
}

fn key_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.k + row * p.k_stride + head * p.head_size + d;
  return keep(vec4f(k[at], k[at + 1u], k[at + 2u], k[at + 3u]), p.head_size - min(d, p.head_size));
}

fn value_quad(row: u32, head: u32, d: u32) -> vec4f {
  let at = p.v + row * p.v_stride + head * p.head_size + d;
  return vec4f(v[at], v[at + 1u], v[at + 2u], v[at + 3u]);
}

/** scale · dot + bias; LOWEST for a key that the query does not see. */
fn score(dot: f32, head: u32, key: u32, position: i32, visible: u32) -> f32 {
  if (key >= visible) {
    return LOWEST;
  }
  if (p.bias == NONE) {
    return dot * p.scale;
  }
  let distance = u32(i32(key + p.reach) - position);
  return fma(dot, p.scale, bias[p.bias + head * (2u * p.reach + 1u) + distance]);
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
