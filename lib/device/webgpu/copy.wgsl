// Part of an upload to its place: see WebGpuDevice.write.
struct Params {
  to: u32,
  from: u32,
  words: u32,
}

@group(0) @binding(0) var<storage, read_write> target_words: array<u32>;
@group(0) @binding(1) var<storage, read> source_words: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

@compute @workgroup_size(64)
fn copy(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.words) {
    target_words[p.to + id.x] = source_words[p.from + id.x];
  }
}
