// Twin of activation.wasm.ts; one thread an element.

struct Params {
  y: u32,
  x: u32,
  gate: u32,
  length: u32,
  kind: u32,
}

struct BackwardParams {
  dx: u32,
  d_gate: u32,
  dy: u32,
  x: u32,
  gate: u32,
  length: u32,
  kind: u32,
  accumulate_x: u32,
  accumulate_gate: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(1) @binding(0) var<uniform> p: Params;

@group(0) @binding(1) var<storage, read_write> d_gate: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> input: array<f32>;
@group(0) @binding(4) var<storage, read> input_gate: array<f32>;
@group(1) @binding(0) var<uniform> q: BackwardParams;

/** y = f(x) (· gate) */
@compute @workgroup_size(256)
fn activation(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= p.length) {
    return;
  }
  var value = value_and_slope(p.kind, x[p.x + i]).x;
  if (p.gate != NONE) {
    value *= gate[p.gate + i];
  }
  out[p.y + i] = value;
}

/** dx (+)= dy · f'(x) (· gate), dGate (+)= dy · f(x) */
@compute @workgroup_size(256)
fn activation_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 256u + thread;
  if (i >= q.length) {
    return;
  }
  let g = dy[q.dy + i];
  let f = value_and_slope(q.kind, input[q.x + i]);
  if (q.d_gate != NONE) {
    var d = g * f.x;
    if (q.accumulate_gate != 0u) {
      d += d_gate[q.d_gate + i];
    }
    d_gate[q.d_gate + i] = d;
  }
  if (q.dx != NONE) {
    var d = g * f.y;
    if (q.gate != NONE) {
      d *= input_gate[q.gate + i];
    }
    if (q.accumulate_x != 0u) {
      d += out[q.dx + i];
    }
    out[q.dx + i] = d;
  }
}
