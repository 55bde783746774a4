// Twin of elementwise.wasm.ts; one thread an element.

struct FillParams {
  x: u32,
  length: u32,
  value: f32,
}

struct AddParams {
  out: u32,
  a: u32,
  b: u32,
  length: u32,
}

struct ScaleParams {
  y: u32,
  x: u32,
  length: u32,
  accumulate: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> first: array<f32>;
@group(0) @binding(2) var<storage, read> second: array<f32>;
@group(1) @binding(0) var<uniform> fill_params: FillParams;
@group(1) @binding(0) var<uniform> add_params: AddParams;
@group(1) @binding(0) var<uniform> scale_params: ScaleParams;

/** x[i] = value */
@compute @workgroup_size(256)
fn fill(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let p = fill_params;
  let i = flat_group(group, groups) * 256u + thread;
  if (i < p.length) {
    out[p.x + i] = p.value;
  }
}

/** out[i] = a[i] + b[i], or b[i] where there is no a */
@compute @workgroup_size(256)
fn add(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let p = add_params;
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  var sum = second[p.b + i];
  if (p.a != NONE) {
    sum += first[p.a + i];
  }
  out[p.out + i] = sum;
}

/** y[i] = factor · x[i] (+ y[i]) */
@compute @workgroup_size(256)
fn scale(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let p = scale_params;
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  var value = p.factor * first[p.x + i];
  if (p.accumulate != 0u) {
    value += out[p.y + i];
  }
  out[p.y + i] = value;
}
