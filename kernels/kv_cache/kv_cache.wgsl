// Twin of kv_cache.wasm.ts, of keys and values or one of them; one thread an element.

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
    cache[p.cache_k + to] = k[p.k + source];
    if (p.cache_v != NONE) {
      cache[p.cache_v + to] = v[p.v + source];
    }
  }
}
