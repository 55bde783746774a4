/** norm = √Σ partials; one workgroup. */
@compute @workgroup_size(ROW_THREADS)
fn grad_norm_total(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < p.blocks; i += ROW_THREADS) {
    sum += partials[p.partials + i];
  }
  let total = row_sum(sum, thread);
  if (thread == 0u) {
    norm[p.norm] = sqrt(total);
  }
}
