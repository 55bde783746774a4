// Twin of activation.wasm.ts; one thread an element.

/** Numbers of the kinds; mirrored in activation.ts. */
const RELU = 0u;
const GELU = 1u;
const GELU_NEW = 2u;

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
  // 1 - tanh² = 4 e^-2|x| / (1 + e^-2|x|)², which does not cancel.
  let e = exp_f32(-2.0 * abs(x));
  return vec2f(tanh_f32(x), e * 4.0 / ((1.0 + e) * (1.0 + e)));
}
