// The sums around attention_backward.wgsl, one thread a result.

struct DeltaParams {
  delta: u32,
  o: u32,
  d_out: u32,
  query_starts: u32,
  query_lengths: u32,
  items: u32,
  heads: u32,
  max_queries: u32,
  head_size: u32,
}

struct ReduceParams {
  d_bias: u32,
  partials: u32,
  sequences: u32,
  length: u32,
  accumulate: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> o: array<f32>;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
@group(0) @binding(2) var<storage, read> d_out: array<f32>;
@group(0) @binding(3) var<storage, read> query_starts: array<u32>;
@group(0) @binding(4) var<storage, read> query_lengths: array<u32>;
@group(1) @binding(0) var<uniform> p: DeltaParams;
@group(1) @binding(0) var<uniform> r: ReduceParams;

/** delta = dO · O, f32 [sequences, heads, max_queries]: the mean by which dS is centred. */
@compute @workgroup_size(64)
fn attention_delta(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let at = flat_group(group, groups) * 64u + thread;
  let item = at / p.max_queries;
  let query = at % p.max_queries;
  let sequence = item / p.heads;
  if (item >= p.items || query >= query_lengths[p.query_lengths + sequence]) {
    return;
  }
  let row = query_starts[p.query_starts + sequence] + query;
  let start = (row * p.heads + item % p.heads) * p.head_size;
  var sum = 0.0;
  for (var d = start; d < start + p.head_size; d++) {
    sum = fma(o[p.o + d], d_out[p.d_out + d], sum);
  }
  out[p.delta + at] = sum;
}

/** dBias[i] (+)= Σ over sequences of partials[sequence][i], in order. */
@compute @workgroup_size(64)
fn attention_bias_reduce(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = flat_group(group, groups) * 64u + thread;
  if (i >= r.length) {
    return;
  }
  var sum = 0.0;
  if (r.accumulate != 0u) {
    sum = out[r.d_bias + i];
  }
  for (var sequence = 0u; sequence < r.sequences; sequence++) {
    sum += partials[r.partials + sequence * r.length + i];
  }
  out[r.d_bias + i] = sum;
}
