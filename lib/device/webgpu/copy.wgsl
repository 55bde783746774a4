// Part of an upload to its place: see WebGpuDevice.write.

@compute @workgroup_size(64)
fn copy(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.words) {
    output[p.output + id.x] = input[p.input + id.x];
  }
}
