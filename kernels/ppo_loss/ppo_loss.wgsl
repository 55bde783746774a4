// Twin of ppo_loss.wasm.ts, whose arithmetic is f64; here it is f32, its sums pairwise over threads.

/** The sums that become PPO_LOSS_STATISTICS, in its order, the total left out. */
const SUMS = 10u;

/** The part of the gradient of max(a, b) that goes to a; torch splits it where they are equal. */
fn share_of_max(a: f32, b: f32) -> f32 {
  return select(select(0.0, 0.5, a == b), 1.0, a > b);
}

/** One workgroup. */
@compute @workgroup_size(ROW_THREADS)
fn ppo_loss(@builtin(local_invocation_index) thread: u32) {
  var counted = 0.0;
  for (var i = thread; i < p.tokens; i += ROW_THREADS) {
    counted += given[p.mask + i];
  }
  let weight = 1.0 / row_sum(counted, thread);
  var sums: array<f32, SUMS>;
  for (var i = thread; i < p.tokens; i += ROW_THREADS) {
    // Uncounted positions may hold anything, NaN included.
    if (given[p.mask + i] == 0.0) {
      d_logprobs[p.d_logprobs + i] = 0.0;
      d_values[p.d_values + i] = 0.0;
      continue;
    }
    let difference = logprobs[p.logprobs + i] - given[p.old_logprobs + i];
    let ratio = exp_f32(difference);
    let advantage = given[p.advantages + i];
    let low = 1.0 - p.clip_range;
    let high = 1.0 + p.clip_range;
    let loss = -advantage * ratio;
    let clipped_loss = -advantage * min(max(ratio, low), high);
    // d ratio / d logprob = ratio; the clamp passes it within its bounds, them included.
    let inside = select(0.0, 1.0, ratio >= low && ratio <= high);
    let share = share_of_max(loss, clipped_loss);
    let slope = -advantage * ratio * (share + (1.0 - share) * inside);
    d_logprobs[p.d_logprobs + i] = p.grad_scale * weight * slope;

    let value = values[p.values + i];
    let old_value = given[p.old_values + i];
    let goal = given[p.returns + i];
    let low_value = old_value - p.clip_range_value;
    let high_value = old_value + p.clip_range_value;
    let lowered = min(value, high_value);
    let clipped = max(lowered, low_value);
    let error = (value - goal) * (value - goal);
    let clipped_error = (clipped - goal) * (clipped - goal);
    let value_share = share_of_max(error, clipped_error);
    let passed = share_of_max(high_value, value) * share_of_max(lowered, low_value);
    let value_slope = value_share * (value - goal) +
      (1.0 - value_share) * (clipped - goal) * passed;
    d_values[p.d_values + i] = p.grad_scale * p.vf_coef * weight * value_slope;

    sums[0] += max(loss, clipped_loss);
    sums[1] += 0.5 * max(error, clipped_error);
    sums[2] += entropy[p.entropy + i];
    sums[3] += 0.5 * difference * difference;
    sums[4] -= difference;
    sums[5] += select(0.0, 1.0, clipped_loss > loss);
    sums[6] += ratio;
    sums[7] += value;
    sums[8] += error;
    sums[9] += select(0.0, 1.0, clipped_error > error);
  }
  for (var s = 0u; s < SUMS; s++) {
    sums[s] = row_sum(sums[s], thread) * weight;
  }
  let total = sums[0] + p.vf_coef * sums[1];
  if (!is_finite(total)) {
    // The optimizer makes no update from a gradient that is not finite: nor should it from this loss.
    // The NaN is made at run time: WGSL refuses one in a constant.
    let nan = bitcast<f32>(p.tokens | 0x7fc00000u);
    for (var i = thread; i < p.tokens; i += ROW_THREADS) {
      d_logprobs[p.d_logprobs + i] = nan;
    }
  }
  if (thread == 0u) {
    statistics[p.statistics] = sums[0];
    statistics[p.statistics + 1u] = sums[1];
    statistics[p.statistics + 2u] = total;
    for (var s = 2u; s < SUMS; s++) {
      statistics[p.statistics + s + 1u] = sums[s];
    }
  }
}
