// Twin of relative_bias.wasm.ts; one thread an element of the table.

struct Params {
  out: u32,
  x: u32,
  buckets: u32,
  heads: u32,
  distances: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> buckets: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;

/** table[head][i] = weight[buckets[i]][head] */
@compute @workgroup_size(256)
fn relative_bias(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at < p.heads * p.distances) {
    let bucket = buckets[p.buckets + at % p.distances];
    out[p.out + at] = x[p.x + bucket * p.heads + at / p.distances];
  }
}

/**
 * dWeight[buckets[i]][head] += dTable[head][i], in the order of i: the thread of a bucket's first
 * distance adds up all of them.
 */
@compute @workgroup_size(256)
fn relative_bias_backward(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 256u + thread;
  if (at >= p.heads * p.distances) {
    return;
  }
  let first = at % p.distances;
  let bucket = buckets[p.buckets + first];
  for (var i = 0u; i < first; i++) {
    if (buckets[p.buckets + i] == bucket) {
      return;
    }
  }
  let to = p.out + bucket * p.heads + at / p.distances;
  var sum = out[to];
  for (var i = first; i < p.distances; i++) {
    if (buckets[p.buckets + i] == bucket) {
      sum += x[p.x + at / p.distances * p.distances + i];
    }
  }
  out[to] = sum;
}
