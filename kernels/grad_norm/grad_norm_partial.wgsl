// Sums are f32, pairwise within a block, where grad_norm.wasm.ts has f64.

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
    let g = gradients[p.gradients + i];
    sum = fma(g, g, sum);
  }
  let total = row_sum(sum, thread);
  if (thread == 0u) {
    partials[p.partials + block] = total;
  }
}
