// Twin of adam.wasm.ts.

/** One Adam or AdamW update; nothing when the norm is not finite. */
@compute @workgroup_size(256)
fn adam(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  let size = norm[p.norm];
  if (i >= p.length || !is_finite(size)) {
    return;
  }
  var clip = 1.0;
  if (p.max_norm > 0.0) {
    clip = min(1.0, p.max_norm / (size + 1e-6));
  }
  let value = values[p.values + i];
  let g = fma(value, p.gradient_decay, gradients[p.gradients + i] * clip);
  let m0 = first_moment[p.first_moment + i];
  let m = fma(g - m0, p.change1, m0);
  let v = fma(g * g, p.change2, second_moment[p.second_moment + i] * p.beta2);
  let divisor = sqrt(v) / p.correction2 + p.eps;
  first_moment[p.first_moment + i] = m;
  second_moment[p.second_moment + i] = v;
  values[p.values + i] = value * p.keep - p.step_size * (m / divisor);
}
