
/** Four neighbours in a row of the weight. */
fn weight_N(element: u32) -> vec4f {
  if (BF16) {
    return widen4(w[(p.w_N + element / 2u) / 2u]);
  }
  let at = (p.w_N + element) / 2u;
  return bitcast<vec4f>(vec4u(w[at], w[at + 1u]));
}
