// Twin of grad_norm.wasm.ts, whose sums are f64; here they are f32, pairwise within a block.

struct PartialParams {
  partials: u32,
  gradients: u32,
  length: u32,
}

struct TotalParams {
  norm: u32,
  partials: u32,
  blocks: u32,
}

@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(1) @binding(0) var<uniform> p: PartialParams;
@group(1) @binding(0) var<uniform> t: TotalParams;

/** Elements per partial sum; mirrored in grad_norm.ts. */
const BLOCK = 16384u;

/** partials[block] = Σ gradients² of a block; a workgroup takes a block. */
@compute @workgroup_size(ROW_THREADS)
fn grad_norm_partial(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let block = flat_group(group, groups);
  let begin = block * BLOCK;
  if (begin >= p.length) {
    return;
  }
  let end = min(begin + BLOCK, p.length);
  var sum = 0.0;
  for (var i = begin + thread; i < end; i += ROW_THREADS) {
    let g = input[p.gradients + i];
    sum = fma(g, g, sum);
  }
  let total = row_sum(sum, thread);
  if (thread == 0u) {
    out[p.partials + block] = total;
  }
}

/** norm = √Σ partials; one workgroup. */
@compute @workgroup_size(ROW_THREADS)
fn grad_norm_total(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < t.blocks; i += ROW_THREADS) {
    sum += input[t.partials + i];
  }
  let total = row_sum(sum, thread);
  if (thread == 0u) {
    out[t.norm] = sqrt(total);
  }
}
