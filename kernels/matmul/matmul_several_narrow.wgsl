// The variant for few rows where all is contiguous along k in aligned fours, as `narrow` in
// matmul_narrow.wgsl. Follows matmul_fours.wgsl and matmul_several_few_rows.wgsl.

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn several_narrow(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  multiply_several(group, thread, index);
}
