// The variant for GPUs with subgroups: threads pass A on to each other in registers, with neither
// workgroup memory nor barriers. A workgroup is one subgroup, of 8 threads or more; a thread computes
// four neighbouring columns of eight rows. It reads four elements at once: what is contiguous must
// begin and end at multiples of four (see `comesInFours` in matmul_gpu.ts). Follows
// matmul_shared.wgsl and matmul_fours.wgsl.

/** Threads of a subgroup. */
override SUBGROUP: u32 = 8u;
/** Neighbours in A, B and B2 are along k; else they are along the rows or columns. */
override A_ALONG_K: bool = true;
override B_ALONG_K: bool = true;
override B2_ALONG_K: bool = true;

/** Four neighbours in B. */
fn b_four(second: bool, element: u32) -> vec4f {
  if (second) {
    return b2[(p.b2 + element) / 4u];
  }
  if (BF16) {
    return widen4(b[(p.b + element / 2u) / 2u]);
  }
  let at = (p.b + element) / 2u;
  return bitcast<vec4f>(vec4u(b[at], b[at + 1u]));
}

/** B at four k and four columns; [i] has the columns of k + i. */
fn b_block(second: bool, along_k: bool, column: u32, k: u32, depth: u32) -> mat4x4f {
  if (along_k) {
    let stride = select(p.b_n_stride, p.b2_n_stride, second);
    let starts = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(p.n - 1u)) * stride + k;
    return transpose(mat4x4f(
      b_four(second, starts.x),
      b_four(second, starts.y),
      b_four(second, starts.z),
      b_four(second, starts.w),
    ));
  }
  let stride = select(p.b_k_stride, p.b2_k_stride, second);
  let starts = min(k + vec4u(0u, 1u, 2u, 3u), vec4u(depth - 1u)) * stride + min(column, p.n - 4u);
  return mat4x4f(
    b_four(second, starts.x),
    b_four(second, starts.y),
    b_four(second, starts.z),
    b_four(second, starts.w),
  );
}

var<private> total: array<vec4f, 8>;

fn add_product(
  second: bool,
  b_along_k: bool,
  depth: u32,
  alpha: f32,
  first_row: u32,
  column: u32,
  lane: u32,
) {
  // Along k: the thread's row. Across: its four rows, and which of four k it reads.
  let row = min(first_row + lane, p.m - 1u);
  let four_rows = min(first_row + lane % 2u * 4u, max(p.m, 4u) - 4u);
  for (var chunk = 0u; chunk < depth; chunk += CHUNK) {
    var sum0 = vec4f();
    var sum1 = vec4f();
    var sum2 = vec4f();
    var sum3 = vec4f();
    var sum4 = vec4f();
    var sum5 = vec4f();
    var sum6 = vec4f();
    var sum7 = vec4f();
    for (var k = chunk; k < min(chunk + CHUNK, depth); k += 4u) {
      let block = b_block(second, b_along_k, column, k, depth);
      if (second || A_ALONG_K) {
        var four = vec4f();
        if (second) {
          four = a2[(p.a2 + row * p.k2 + k) / 4u];
        } else {
          four = a[(p.a + row * p.a_row_stride + k) / 4u];
        }
        sum0 = add_row(sum0, subgroupBroadcast(four, 0u), block);
        sum1 = add_row(sum1, subgroupBroadcast(four, 1u), block);
        sum2 = add_row(sum2, subgroupBroadcast(four, 2u), block);
        sum3 = add_row(sum3, subgroupBroadcast(four, 3u), block);
        sum4 = add_row(sum4, subgroupBroadcast(four, 4u), block);
        sum5 = add_row(sum5, subgroupBroadcast(four, 5u), block);
        sum6 = add_row(sum6, subgroupBroadcast(four, 6u), block);
        sum7 = add_row(sum7, subgroupBroadcast(four, 7u), block);
      } else {
        // Elements beyond the last k count as zero.
        let at = k + lane / 2u;
        var four = a[(p.a + min(at, depth - 1u) * p.a_column_stride + four_rows) / 4u];
        four = select(vec4f(), four, at < depth);
        let upper = transpose(mat4x4f(
          subgroupBroadcast(four, 0u),
          subgroupBroadcast(four, 2u),
          subgroupBroadcast(four, 4u),
          subgroupBroadcast(four, 6u),
        ));
        let lower = transpose(mat4x4f(
          subgroupBroadcast(four, 1u),
          subgroupBroadcast(four, 3u),
          subgroupBroadcast(four, 5u),
          subgroupBroadcast(four, 7u),
        ));
        sum0 = add_row(sum0, upper[0], block);
        sum1 = add_row(sum1, upper[1], block);
        sum2 = add_row(sum2, upper[2], block);
        sum3 = add_row(sum3, upper[3], block);
        sum4 = add_row(sum4, lower[0], block);
        sum5 = add_row(sum5, lower[1], block);
        sum6 = add_row(sum6, lower[2], block);
        sum7 = add_row(sum7, lower[3], block);
      }
    }
    let factor = vec4f(alpha);
    total[0] = fma(factor, sum0, total[0]);
    total[1] = fma(factor, sum1, total[1]);
    total[2] = fma(factor, sum2, total[2]);
    total[3] = fma(factor, sum3, total[3]);
    total[4] = fma(factor, sum4, total[4]);
    total[5] = fma(factor, sum5, total[5]);
    total[6] = fma(factor, sum6, total[6]);
    total[7] = fma(factor, sum7, total[7]);
  }
}

@compute @workgroup_size(SUBGROUP)
fn broadcast(
  @builtin(workgroup_id) group: vec3u,
  @builtin(subgroup_invocation_id) thread: u32,
) {
  let first_row = group.y * 8u;
  let column = (group.x * SUBGROUP + thread) * 4u;
  let lane = thread % 8u;
  for (var i = 0u; i < 8u; i++) {
    total[i] = initial4(first_row + i, column);
  }
  add_product(false, B_ALONG_K, p.k, p.alpha, first_row, column, lane);
  if (p.k2 > 0u) {
    add_product(true, B2_ALONG_K, p.k2, p.alpha2, first_row, column, lane);
  }
  for (var i = 0u; i < 8u; i++) {
    store4(first_row + i, column, total[i]);
  }
}
