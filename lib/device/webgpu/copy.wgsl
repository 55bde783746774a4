// Part of an upload to its place: see WebGpuDevice.write.

struct Params {
  output: u32,
  input: u32,
  words: u32,
}

@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn copy(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.words) {
    output[p.output + id.x] = input[p.input + id.x];
  }
}
