// Twin of kv_cache.wasm.ts, keys and values in one dispatch; one thread an element.

/** cache[rows[i], :] = x[i, :] for every i, of keys and of values */
@compute @workgroup_size(256)
fn kv_cache_append(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at < p.count * p.width) {
    let row = at / p.width;
    let column = at % p.width;
    let source = row * p.stride + column;
    let to = rows[p.rows + row] * p.width + column;
    cache_k[p.cache_k + to] = k[p.k + source];
    cache_v[p.cache_v + to] = v[p.v + source];
  }
}
