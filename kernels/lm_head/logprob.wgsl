// Used where training finishes a row's log-softmax and where decoding does, bit for bit alike.

/** log p of a logit, given log Σ e^(x-max). */
fn logprob_of(logit: f32, highest: f32, log_sum: f32) -> f32 {
  return logit - highest - log_sum;
}
