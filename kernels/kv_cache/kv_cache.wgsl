// Twin of kv_cache.wasm.ts; one thread an element.

struct Params {
  cache: u32,
  x: u32,
  rows: u32,
  count: u32,
  width: u32,
}

@group(0) @binding(0) var<storage, read_write> cache: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

/** cache[rows[i], :] = x[i, :] for every i */
@compute @workgroup_size(256)
fn kv_cache_append(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at < p.count * p.width) {
    let row = rows[p.rows + at / p.width];
    cache[p.cache + row * p.width + at % p.width] = x[p.x + at];
  }
}
