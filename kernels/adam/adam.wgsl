// Twin of adam.wasm.ts.

struct Params {
  values: u32,
  first_moment: u32,
  second_moment: u32,
  gradients: u32,
  norm: u32,
  length: u32,
  step_size: f32,
  change1: f32,
  beta2: f32,
  change2: f32,
  correction2: f32,
  eps: f32,
  gradient_decay: f32,
  keep: f32,
  max_norm: f32,
}

@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> first_moment: array<f32>;
@group(0) @binding(2) var<storage, read_write> second_moment: array<f32>;
@group(0) @binding(3) var<storage, read> gradients: array<f32>;
@group(0) @binding(4) var<storage, read> norm: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

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
