// The variant for every GPU and any depth and rank, as `skinny` in matmul_skinny.wgsl. Follows
// matmul_several_few_rows.wgsl.

@compute @workgroup_size(COLUMN_THREADS, LINE_THREADS, SLICES)
fn several_skinny(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  multiply_several(group, thread, index);
}
