// The activation functions, for their own kernels and for those that products are activated in.

/** f(x) and f'(x), which share what is slow to compute. */
fn value_and_slope(kind: u32, x: f32) -> vec2f {
  if (kind == RELU) {
    // Not max(x, 0), which may lose a NaN.
    return select(vec2f(x, 1.0), vec2f(0.0), x <= 0.0);
  }
  if (kind == GELU) {
    let cdf = fma(erf_f32(x * 0.7071067812), 0.5, 0.5);
    return vec2f(x * cdf, fma(x, exp_f32(-0.5 * x * x) * 0.3989422804, cdf));
  }
  if (kind == GELU_NEW) {
    // 2 √(2/π) (x + 0.044715 x³): gelu_new is x times its sigmoid, since (1 + tanh u) / 2 = σ(2u).
    let value = x * sigmoid_f32(x * fma(x * x, 0.07135481627, 1.5957691216));
    // Beyond ±10 the slope is 1 or 0; inside, e is finite and 1 - s = e s does not cancel.
    let near = clamp(x, -10.0, 10.0);
    let square = near * near;
    let e = exp_f32(-near * fma(square, 0.07135481627, 1.5957691216));
    let s = 1.0 / (1.0 + e);
    return vec2f(value, fma(near * fma(square, 0.2140644488, 1.5957691216), s * e * s, s));
  }
  if (kind == SILU) {
    // Beyond ±80 the slope is 1 or 0; inside, e is finite and 1 - s = e s does not cancel.
    let near = clamp(x, -80.0, 80.0);
    let e = exp_f32(-near);
    let s = 1.0 / (1.0 + e);
    return vec2f(x * sigmoid_f32(x), fma(near, s * e * s, s));
  }
  // 1 - tanh² = 4 e^-2|x| / (1 + e^-2|x|)², which does not cancel.
  let e = exp_f32(-2.0 * abs(x));
  return vec2f(tanh_f32(x), e * 4.0 / ((1.0 + e) * (1.0 + e)));
}

