// Twin of dropout.wasm.ts.

/** Last counter word of the random numbers used here. */
const PURPOSE = 1u;

/** y[i] = x[i] · mask[i] / (1 - p) (+ y[i]); a thread takes four elements. */
@compute @workgroup_size(256)
fn dropout(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let four = flat_group(group, groups) * 256u + thread;
  let first = four * 4u;
  if (first >= p.length) {
    return;
  }
  let words = philox4x32(vec4u(four, 0u, 0u, PURPOSE), vec2u(p.seed, p.stream));
  for (var i = 0u; i < min(4u, p.length - first); i++) {
    var value = 0.0;
    if (uniform_f32(words[i]) >= p.p) {
      value = x[p.x + first + i] * p.factor;
    }
    if (p.accumulate != 0u) {
      value += y[p.y + first + i];
    }
    y[p.y + first + i] = value;
  }
}
